//! Changes of tags over all shards (S-1): nothing but the series index changes.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use triglot_model::{IdentityRule, ShardId, Sid};

use crate::TableMeta;
use crate::error::StorageError;
use crate::series::SeriesKey;
use crate::shard::writer::Command;
use crate::storage::Storage;
use crate::write::TagChange;

/// A series that gets another identity.
struct Move {
    shard: ShardId,
    before: SeriesKey,
    after: SeriesKey,
}

impl Storage {
    /// Changes tags of series: within a shard all of them or none, as with rows (W-5). Under
    /// [`IdentityRule::AllTags`] that changes which series later rows go to; the series itself stays in
    /// its shard.
    ///
    /// # Errors
    /// [`StorageError::SeriesTaken`] and [`crate::series::SeriesError::SeriesExists`]: a new identity
    /// belongs to a series already, or is being given to another; then nothing is changed.
    pub async fn set_tags(
        &self,
        table: &TableMeta,
        changes: Vec<(ShardId, Vec<TagChange>)>,
    ) -> Result<(), StorageError> {
        // A single shard's writer sees all there is to see.
        if table.def.identity != IdentityRule::AllTags || self.shards() == 1 {
            return self.send_tags(table, changes).await;
        }
        let (storage, table) = (self.clone(), table.clone());
        // A claim that its maker gave up half-way would stay for ever.
        let work = tokio::spawn(async move { storage.move_series(&table, changes).await });
        match work.await {
            Ok(done) => done,
            Err(e) if e.is_cancelled() => Err(StorageError::ShuttingDown),
            Err(e) => Err(StorageError::Background { shard: ShardId(0), reason: e.to_string() }),
        }
    }

    async fn move_series(
        &self,
        table: &TableMeta,
        changes: Vec<(ShardId, Vec<TagChange>)>,
    ) -> Result<(), StorageError> {
        let moves = self.moves(table, &changes)?;
        let claims: Vec<(ShardId, SeriesKey)> = moves.iter().map(|m| (m.shard, m.after.clone())).collect();
        let taken = |key| StorageError::SeriesTaken { table: table.def.id, key: Box::new(key) };
        self.routes().claim(table.def.id, &claims).map_err(taken)?;
        let result = match self.taken_elsewhere(table, &claims) {
            Some(key) => Err(taken(key)),
            None => self.send_tags(table, changes).await,
        };
        self.settle(table, &moves);
        result
    }

    /// The series that get another identity, with the last one that the changes give them.
    fn moves(
        &self,
        table: &TableMeta,
        changes: &[(ShardId, Vec<TagChange>)],
    ) -> Result<Vec<Move>, StorageError> {
        let mut moves = Vec::new();
        let mut new = BTreeSet::new();
        for (shard, changes) in changes {
            let Some(index) = self.index_of(table, *shard) else { continue };
            let index = index.read();
            let mut keys: BTreeMap<Sid, (SeriesKey, SeriesKey)> = BTreeMap::new();
            for change in changes {
                let Some(key) = index.key_of(change.sid) else { continue };
                let (_, after) = keys.entry(change.sid).or_insert_with(|| (key.clone(), key));
                *after = index.changed_key(after, &change.tags)?;
            }
            for (before, after) in keys.into_values().filter(|(before, after)| before != after) {
                if !new.insert(after.clone()) {
                    return Err(StorageError::SeriesTaken { table: table.def.id, key: Box::new(after) });
                }
                moves.push(Move { shard: *shard, before, after });
            }
        }
        Ok(moves)
    }

    /// A claimed identity that a series of another shard has. Its own shard's writer looks itself.
    fn taken_elsewhere(&self, table: &TableMeta, claims: &[(ShardId, SeriesKey)]) -> Option<SeriesKey> {
        for shard in (0..self.shards()).map(ShardId) {
            let Some(index) = self.index_of(table, shard) else { continue };
            let index = index.read();
            let taken = claims.iter().find(|(own, key)| *own != shard && index.lookup(key).is_some());
            if let Some((_, key)) = taken {
                return Some(key.clone());
            }
        }
        None
    }

    async fn send_tags(
        &self,
        table: &TableMeta,
        changes: Vec<(ShardId, Vec<TagChange>)>,
    ) -> Result<(), StorageError> {
        let asked = changes.into_iter().filter(|(_, c)| !c.is_empty()).map(|(id, changes)| async move {
            let table = table.clone();
            self.shard(id)?.ask(|reply| Command::SetTags { table, changes, reply }).await
        });
        // Each is waited for, whatever becomes of the others: what they did decides the routes.
        join_all(asked).await.into_iter().collect()
    }

    /// Turns claims into routes by what the indexes hold now.
    fn settle(&self, table: &TableMeta, moves: &[Move]) {
        for Move { shard, before, after } in moves {
            let Some(index) = self.index_of(table, *shard) else {
                self.routes().settle(&table.def, *shard, after, false);
                continue;
            };
            let index = index.read();
            self.routes().settle(&table.def, *shard, after, index.lookup(after).is_some());
            self.routes().settle_left(&table.def, *shard, before, index.lookup(before).is_some());
        }
    }
}
