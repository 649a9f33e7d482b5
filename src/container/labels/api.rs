//! Names from the Kubernetes API, for groups that no runtime names.

use super::super::path::{Kind, Place};
use super::super::state::Facts;
use super::{Asking, Names, Slot};
use crate::io::groups::Groups;

impl Names {
    /// Takes from the API what runtimes do not tell, or not yet: the names of pods and of their containers.
    pub(super) fn ask_api(&mut self, groups: &Groups) {
        let pods = self.pods.clone();
        if !pods.is_open() {
            return;
        }
        let mut at = 0;
        while let Some(id) = groups.get(at) {
            at += 1;
            let nameless = |slot: &&Slot| {
                // The runtime is asked first.
                slot.names.is_none()
                    && (slot.tries > 0 || slot.asking == Asking::Nothing)
                    && matches!(slot.kind, Kind::Container | Kind::Pod)
                    && slot.scope.shown(self.kubernetes)
            };
            if self.slots.get(id.index()).filter(nameless).is_none() {
                continue;
            }
            let path = groups.path(id);
            let place = Place::parse(path.as_bytes());
            let Some(pod) = place.pod else { continue };
            let number = place.container.unwrap_or(b"");
            let mut facts = None;
            pods.look(pod, number, &mut |name| facts = Facts::of_api(name, number));
            if let Some(facts) = facts {
                self.tally.add("by_api", 1);
                self.keep(id, &facts);
            }
        }
    }
}
