//! What a process and all that it started take of the machine.

use std::collections::{HashMap, HashSet};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// What a process and all that it started take now.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Usage {
    /// Per cent of one core, so that two busy cores are 200.
    pub(crate) cpu_percent: f64,
    pub(crate) memory_bytes: u64,
}

/// Measures one tree again and again; the first figure of the processor needs two looks.
pub(crate) struct Tree {
    system: System,
    root: Pid,
}

impl Tree {
    pub(crate) fn of(root: u32) -> Self {
        Self { system: System::new(), root: Pid::from_u32(root) }
    }

    pub(crate) fn measure(&mut self) -> Usage {
        let kind = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
        let parents: HashMap<Pid, Option<Pid>> =
            self.system.processes().iter().map(|(pid, process)| (*pid, process.parent())).collect();
        let members = descendants(self.root, &parents);
        members.iter().filter_map(|pid| self.system.process(*pid)).fold(Usage::default(), |sum, process| Usage {
            cpu_percent: sum.cpu_percent + f64::from(process.cpu_usage()),
            memory_bytes: sum.memory_bytes + process.memory(),
        })
    }
}

fn descendants(root: Pid, parents: &HashMap<Pid, Option<Pid>>) -> HashSet<Pid> {
    let mut members = HashSet::from([root]);
    loop {
        let before = members.len();
        let children = parents.iter().filter(|(_, parent)| parent.is_some_and(|parent| members.contains(&parent)));
        let children: Vec<Pid> = children.map(|(pid, _)| *pid).collect();
        members.extend(children);
        if members.len() == before {
            return members;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_all_generations_and_nobody_else() {
        let pid = Pid::from_u32;
        let parents =
            HashMap::from([(pid(1), None), (pid(2), Some(pid(1))), (pid(3), Some(pid(2))), (pid(9), Some(pid(8)))]);
        assert_eq!(descendants(pid(1), &parents), HashSet::from([pid(1), pid(2), pid(3)]));
    }

    #[test]
    fn this_process_takes_memory() {
        assert!(Tree::of(std::process::id()).measure().memory_bytes > 0);
    }
}
