//! The durable store fails or is slow: is it the database, or the disk beneath it?

use super::inside;
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::inside::{Disk, SLOW_COMMIT_MS, Store, StoreProblem};
use crate::tree::{Leaf, Question, Reply, Step, Then, Tree};

/// One commit that fails or is slow may be a lock that was held too long; so many in a row are none.
const IN_A_ROW_MIN: u64 = 3;

/// And so many are none among others, where they are every other one.
const FAILED_MIN: u64 = 3;

/// So few commits say nothing about "usually".
const COMMITS_MIN: u64 = 5;

/// Less than this part of the disk, or less than this, and the next burst of webhooks may not fit.
const FREE_PERMILLE_MIN: u64 = 10;
const FREE_BYTES_MIN: u64 = 64 * 1024 * 1024;

pub(in crate::tree) static TREE: Tree = Tree {
    about: "our store",
    then: Then::GoOn,
    root: Step::Ask {
        question: &FAILS,
        yes: &Step::Ask { question: &DISK_AT_FAULT, yes: &Step::Found(DISK), no: &Step::Found(STORE) },
        no: &Step::Ask { question: &DISK_FULL, yes: &Step::Found(DISK), no: &Step::Nothing },
    },
};

const STORE: Leaf = Leaf {
    code: Code::Store,
    backed_by: &[&WEBHOOKS_NOT_KEPT],
    unlike: &[(Code::Disk, &DISK_HAS_ROOM), (Code::OutageKnown, &FAILS)],
};

const DISK: Leaf = Leaf { code: Code::Disk, backed_by: &[&FAILS], unlike: &[(Code::Store, &DISK_AT_FAULT)] };

static FAILS: Question = Question {
    asks: "Does our own store fail, or take long?",
    answer: |facts| {
        let Some(store) = store(facts) else {
            return Reply::could_not_tell("store", "no store was looked at");
        };
        let in_a_row = store.failed_recent > 0 && store.failed_in_a_row >= IN_A_ROW_MIN;
        let many = store.failed_recent >= FAILED_MIN && store.failed_recent * 2 >= store.commits_recent;
        Reply::is(in_a_row || many || is_slow(store), "store", describe(store))
    },
};

static DISK_AT_FAULT: Question = Question {
    asks: "Is it the disk: full, or not writing?",
    answer: |facts| {
        let problem = store(facts).and_then(|store| store.problem);
        match problem {
            Some(StoreProblem::DiskFull) => Reply::yes("store", "no space is left (ENOSPC)"),
            Some(StoreProblem::Io) => Reply::yes("store", "the disk does not write (EIO, or fsync failed)"),
            Some(StoreProblem::Unreachable | StoreProblem::Refused | StoreProblem::Other) | None => {
                (DISK_FULL.answer)(facts)
            }
        }
    },
};

static DISK_FULL: Question = Question {
    asks: "Is the disk full?",
    answer: |facts| match disk(facts) {
        Some(disk) => Reply::is(is_full(disk), "disk", room(disk)),
        None => Reply::could_not_tell("disk", "no disk was looked at"),
    },
};

static DISK_HAS_ROOM: Question = Question {
    asks: "Does the disk have room, and write?",
    answer: |facts| {
        let io = store(facts).and_then(|store| store.problem);
        let bad = matches!(io, Some(StoreProblem::DiskFull | StoreProblem::Io));
        match disk(facts) {
            Some(disk) => Reply::is(!is_full(disk) && !bad, "disk", room(disk)),
            None => Reply::is(!bad, "store", "the store names no trouble with its disk"),
        }
    },
};

static WEBHOOKS_NOT_KEPT: Question = Question {
    asks: "Are webhooks refused because they cannot be kept?",
    answer: |facts| {
        let lost: u64 =
            facts.inbox.iter().flat_map(|inbox| &inbox.senders).map(|sender| sender.not_kept).sum();
        if lost > 0 {
            Reply::yes("inbox", format!("{lost} genuine events could not be kept"))
        } else {
            Reply::could_not_tell("inbox", "no genuine delivery was turned away")
        }
    },
};

/// The store is in trouble, which explains late acknowledgements and refused webhooks.
pub(in crate::tree) fn is_in_trouble(facts: &Facts) -> bool {
    FAILS.holds(facts)
}

fn is_slow(store: &Store) -> bool {
    let usually = store.commits_recent >= COMMITS_MIN && store.commit_p95_ms >= SLOW_COMMIT_MS;
    usually || (store.commits_recent > 0 && store.slow_in_a_row >= IN_A_ROW_MIN)
}

fn is_full(disk: &Disk) -> bool {
    let part = disk.free_bytes.saturating_mul(1_000) < disk.total_bytes.saturating_mul(FREE_PERMILLE_MIN);
    disk.total_bytes > 0 && (part || disk.free_bytes < FREE_BYTES_MIN)
}

fn room(disk: &Disk) -> String {
    format!("{} of {} MiB are free", disk.free_bytes >> 20, disk.total_bytes >> 20)
}

fn describe(store: &Store) -> String {
    let why = match store.problem.filter(|_| store.failed > 0) {
        Some(StoreProblem::Unreachable) => ": it does not answer",
        Some(StoreProblem::Refused) => ": it refuses",
        Some(StoreProblem::DiskFull) => ": no space left",
        Some(StoreProblem::Io) => ": the disk does not write",
        Some(StoreProblem::Other) | None => "",
    };
    format!(
        "{} of the last {} commits failed{why}; one in twenty takes {} ms or more",
        store.failed_recent, store.commits_recent, store.commit_p95_ms
    )
}

fn store(facts: &Facts) -> Option<&Store> {
    inside(facts, |inside| inside.store.as_ref())
}

fn disk(facts: &Facts) -> Option<&Disk> {
    inside(facts, |inside| inside.disk.as_ref())
}
