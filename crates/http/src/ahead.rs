//! Body pieces that are made on other threads, ahead of the socket: the formatting of a long result must
//! not keep other connections of the worker waiting, and making and sending go on at the same time.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{LocalBoxStream, Stream, unfold};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Pieces that wait for the socket.
const WAITING_PIECES: usize = 2;

/// Runs `pieces` as a task on `threads`, at most a few pieces ahead of who reads the result. The task ends
/// when nobody reads any more, and whatever `pieces` holds with it. `cut_off` is the error of a task that
/// went away without having said that this is the end.
pub fn ahead<E: Send + 'static>(
    threads: &Handle,
    pieces: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    cut_off: fn() -> E,
) -> LocalBoxStream<'static, Result<Bytes, E>> {
    let (sender, receiver) = mpsc::channel(WAITING_PIECES);
    threads.spawn(send(pieces, sender));
    unfold(Some(receiver), move |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Some(piece)) => Some((piece, Some(receiver))),
            Some(None) => None,
            None => Some((Err(cut_off()), None)),
        }
    })
    .boxed_local()
}

/// Sends all pieces, then `None`.
async fn send<T>(pieces: impl Stream<Item = T>, sender: mpsc::Sender<Option<T>>) {
    let mut pieces = std::pin::pin!(pieces);
    loop {
        let piece = tokio::select! {
            biased;
            () = sender.closed() => return,
            piece = pieces.next() => piece,
        };
        let is_end = piece.is_none();
        if sender.send(piece).await.is_err() || is_end {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn all_pieces_arrive_in_order_and_a_task_that_dies_is_told() {
        let threads = Handle::current();
        let text = |n: u8| Ok::<_, String>(Bytes::from(vec![n]));
        let got: Vec<_> =
            ahead(&threads, futures::stream::iter((0..9).map(text)), || "cut".into()).collect().await;
        assert_eq!(got, (0..9).map(text).collect::<Vec<_>>());
        let dying =
            futures::stream::iter(0..2).map(move |n| if n == 0 { text(n) } else { panic!("on purpose") });
        let got: Vec<_> = ahead(&threads, dying, || "cut".to_owned()).collect().await;
        assert_eq!(got, [text(0), Err("cut".to_owned())]);
    }
}
