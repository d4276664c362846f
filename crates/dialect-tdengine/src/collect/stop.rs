//! How agents are told to end.

use tokio::sync::watch;

/// Ends the agents that have a [`Stop`] of it. Dropped, it ends them, too.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Tells an agent to take no more, write what it has, and return.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// A pair of the two.
pub fn stopper() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Ends the agents. They may take as long as their last write does.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether it is time to end.
    pub fn is_over(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until it is time to end.
    pub async fn over(&mut self) {
        // An error is a stopper that is gone: nobody could end this agent any more.
        let _ = self.0.wait_for(|over| *over).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_is_heard_by_all_and_later() {
        let (stopper, mut stop) = stopper();
        let mut other = stop.clone();
        assert!(!stop.is_over());
        stopper.stop();
        stop.over().await;
        other.over().await;
        assert!(stop.is_over() && other.is_over());
    }

    #[tokio::test]
    async fn a_lost_stopper_ends_too() {
        let (stopper, mut stop) = stopper();
        drop(stopper);
        stop.over().await;
        assert!(stop.is_over());
    }
}
