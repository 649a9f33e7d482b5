//! All sources at work: one reflector each, those of the owner only while this agent is it.

use super::api::Api;
use super::cache::{Cache, Scope};
use super::owner::Owner;
use super::reflect::Reflector;
use crate::base::task::either;
use std::pin::pin;
use std::rc::Rc;

/// What runs for the objects of the API.
pub struct Watches {
    pub cache: Rc<Cache>,
    pub api: Rc<Api>,
    pub owner: Rc<Owner>,
}

impl Watches {
    /// Starts a task for each source and one for the lease, within a [`tokio::task::LocalSet`].
    pub fn start(&self, reflectors: Vec<Reflector>) {
        for (number, reflector) in reflectors.into_iter().enumerate() {
            let (cache, owner) = (Rc::clone(&self.cache), Rc::clone(&self.owner));
            tokio::task::spawn_local(keep(cache, owner, number, reflector));
        }
        let (api, owner) = (Rc::clone(&self.api), Rc::clone(&self.owner));
        tokio::task::spawn_local(async move { owner.campaign(&api).await });
    }
}

async fn keep(cache: Rc<Cache>, owner: Rc<Owner>, number: usize, mut reflector: Reflector) {
    if cache.sources[number].spec.scope == Scope::Always {
        return reflector.run().await;
    }
    loop {
        owner.until(true).await;
        let lost = !either(pin!(reflector.run()), pin!(owner.until(false))).await;
        debug_assert!(lost, "a reflector does not end");
        reflector.forget();
        cache.forget(number);
    }
}
