//! Every tampering shows, with its place.

use super::super::{Act, Outcome};
use super::*;

const SEED: u64 = 7;
const TAMPERINGS: usize = 10_000;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }
}

fn key(digit: &str) -> AuditKey {
    AuditKey::of_text(&digit.repeat(64)).unwrap()
}

fn act(number: i64) -> NewEntry {
    NewEntry {
        at: jiff::Timestamp::from_second(1_800_000_000 + number).unwrap(),
        actor: "console".into(),
        act: Act::DegradedOn,
        subject: if number % 2 == 0 {
            Subject::Ours("default".into())
        } else {
            Subject::Person("ada@example.com".into())
        },
        outcome: Outcome::Done,
        request_id: (number % 3 == 0).then(|| format!("request-{number}")),
        detail: format!("reason {number}"),
    }
}

#[derive(Clone)]
struct Log {
    entries: Vec<Entry>,
    checkpoints: Vec<Checkpoint>,
}

impl Log {
    /// The entry that every log begins with is one of them.
    fn of(count: i64) -> Self {
        let (key, mut log) = (key("5"), Self { entries: Vec::new(), checkpoints: Vec::new() });
        log.write(End::BEGINNING, &NewEntry::beginning(&key, jiff::Timestamp::UNIX_EPOCH), &key);
        for number in 2..=count {
            log.append(&act(number), &key);
        }
        log
    }

    fn append(&mut self, new: &NewEntry, key: &AuditKey) {
        let last = self.entries.last().map(|entry| End { seq: entry.seq, hash: entry.hash });
        let head = self.checkpoints.iter().find(|it| it.kind == CheckpointKind::Head);
        self.write(End::of(last, head, key), new, key);
    }

    fn write(&mut self, end: End, new: &NewEntry, key: &AuditKey) {
        let entry = Entry::after(end, new, key);
        self.checkpoints.retain(|it| it.kind == CheckpointKind::Kept);
        self.checkpoints.push(Checkpoint::of(&entry, CheckpointKind::Head, key));
        if entry.seq % KEPT_EVERY == 0 {
            self.checkpoints.push(Checkpoint::of(&entry, CheckpointKind::Kept, key));
        }
        self.entries.push(entry);
    }

    fn verify(&self) -> Result<Whole, Broken> {
        let mut verifier = Verifier::new(key("5").public(), self.checkpoints.clone());
        self.entries.iter().try_for_each(|entry| verifier.entry(entry))?;
        verifier.finish()
    }

    /// What somebody does who can write everything but has no key: later hashes fit again.
    fn rehash(&mut self) {
        let mut before = Digest::BEGINNING;
        for entry in &mut self.entries {
            entry.hash = entry.hash_after(&before);
            before = entry.hash;
        }
        let last = self.entries.last().map(|entry| (entry.seq, entry.hash));
        for checkpoint in &mut self.checkpoints {
            let at = |entry: &&Entry| entry.seq == checkpoint.seq;
            if let Some(hash) = self.entries.iter().find(at).map(|entry| entry.hash) {
                checkpoint.hash = hash;
            } else if let Some((seq, hash)) = last {
                (checkpoint.seq, checkpoint.hash) = (seq, hash);
            }
        }
    }

    /// Changes something somewhere, and says what.
    fn tamper(&mut self, dice: &mut Dice) -> &'static str {
        let at = dice.below(self.entries.len());
        match dice.below(9) {
            8 => {
                self.entries.clear();
                self.checkpoints.clear();
                // Whoever acts next does not begin it anew.
                for number in 0..dice.below(3) {
                    self.append(&act(i64::try_from(number).unwrap()), &key("5"));
                }
                "empty"
            }
            0 => {
                self.entries.remove(at);
                "drop"
            }
            1 => {
                self.entries.truncate(at);
                "truncate"
            }
            2 => {
                let other = (at + 1 + dice.below(self.entries.len() - 1)) % self.entries.len();
                self.entries.swap(at, other);
                let numbers = (self.entries[at].seq, self.entries[other].seq);
                (self.entries[other].seq, self.entries[at].seq) = numbers;
                "reorder"
            }
            3 => {
                self.entries.truncate(at);
                self.rehash();
                "truncate and write the end anew"
            }
            4 => {
                "replaced".clone_into(&mut self.entries[at].detail);
                self.rehash();
                "replace and write all later ones anew"
            }
            5 => {
                let copy = self.entries[at].clone();
                self.entries.insert(at, copy);
                "repeat"
            }
            6 => {
                self.edit(at, dice);
                "edit"
            }
            _ => {
                self.edit(at, dice);
                self.rehash();
                "edit and write all later ones anew"
            }
        }
    }

    fn edit(&mut self, at: usize, dice: &mut Dice) {
        let flip = u8::try_from(1 + dice.below(255)).unwrap();
        let entry = &mut self.entries[at];
        match dice.below(7) {
            0 => entry.at = entry.at.saturating_add(jiff::SignedDuration::from_millis(1)).unwrap(),
            1 => entry.actor.push('x'),
            2 => "degraded_off".clone_into(&mut entry.act),
            3 => entry.subject.push('x'),
            4 => "failed".clone_into(&mut entry.outcome),
            5 => entry.request_id = entry.request_id.is_none().then(String::new),
            _ => entry.hash.0[dice.below(32)] ^= flip,
        }
        // A hash is written anew by those who can: then it is no edit.
        entry.detail.push(' ');
    }
}

#[test]
fn a_log_is_whole() {
    let whole = |entries, checkpoints| Ok(Whole { entries, checkpoints });
    assert_eq!(Log::of(1).verify(), whole(1, 1));
    assert_eq!(Log::of(2_001).verify(), whole(2_001, 3));
    assert!(Log::of(3).entries[2].subject.starts_with("person:"), "people are named by hash");
}

#[test]
fn ten_thousand_tamperings_are_all_found() {
    let (log, mut dice) = (Log::of(40), Dice(SEED));
    assert!(log.verify().is_ok());
    for round in 0..TAMPERINGS {
        let mut log = log.clone();
        let what = log.tamper(&mut dice);
        assert!(log.verify().is_err(), "seed {SEED}, round {round}: {what} was not found");
    }
}

#[test]
fn a_tampering_is_told_with_its_place() {
    let broken = |change: &dyn Fn(&mut Log)| {
        let mut log = Log::of(9);
        change(&mut log);
        log.verify().unwrap_err().to_string()
    };
    let missing = broken(&|log| drop(log.entries.remove(3)));
    assert_eq!(missing, "entry 4: it is missing");
    assert_eq!(
        broken(&|log| log.entries[3].detail.push('x')),
        "entry 4: it is not as it was written, or the one before it is not"
    );
    assert_eq!(broken(&|log| log.entries.truncate(8)), "entry 9: the log was cut off here");
    assert_eq!(broken(&|log| log.entries.clear()), "entry 1: the log was cut off here");
    assert_eq!(broken(&|log| log.checkpoints.clear()), "entry 9: its signature is missing");
    assert_eq!(
        broken(&|log| log.checkpoints[0].signature = "00".repeat(64)),
        "entry 9: its signature is not of this key, or of something else"
    );
}

#[test]
fn an_empty_log_is_one_that_was_emptied() {
    let mut log = Log::of(9);
    log.entries.clear();
    log.checkpoints.clear();
    assert_eq!(log.verify().unwrap_err(), Broken { seq: 1, fault: Fault::Empty });
    log.append(&act(1), &key("5"));
    assert_eq!(log.verify().unwrap_err(), Broken { seq: 1, fault: Fault::Missing }, "nothing begins it anew");
}

/// A kept checkpoint is not taken for the head.
#[test]
fn a_log_cut_off_at_a_kept_checkpoint_is_found() {
    let mut log = Log::of(1_001);
    log.entries.truncate(1_000);
    log.checkpoints.retain(|it| it.kind == CheckpointKind::Kept);
    assert_eq!(log.verify().unwrap_err(), Broken { seq: 1_000, fault: Fault::Unsigned });
    log.checkpoints[0].kind = CheckpointKind::Head;
    assert_eq!(log.verify().unwrap_err().fault, Fault::Unsigned, "its own place asks for its kept one");
}

/// What is written after a tampering does not cover it up.
#[test]
fn a_cut_stays_visible_however_much_is_written_after_it() {
    for cut in [0, 3, 8] {
        let mut log = Log::of(9);
        log.entries.truncate(cut);
        for number in 10..20 {
            log.append(&act(number), &key("5"));
        }
        let seq = i64::try_from(cut).unwrap() + 1;
        assert_eq!(log.verify().unwrap_err(), Broken { seq, fault: Fault::Missing });
    }
    let mut log = Log::of(9);
    log.entries.truncate(5);
    log.checkpoints.clear();
    log.append(&act(10), &key("5"));
    assert_eq!(log.verify().unwrap_err(), Broken { seq: 6, fault: Fault::Missing });
}

/// An older copy of everything is whole in itself; only what was kept elsewhere tells.
#[test]
fn an_older_copy_is_found_by_a_checkpoint_kept_elsewhere() {
    let now = Log::of(9);
    let kept = now.checkpoints[0].clone();
    let held = |log: &Log, checkpoint: &Checkpoint| {
        let mut verifier = Verifier::new(key("5").public(), log.checkpoints.clone());
        assert!(verifier.hold_against(checkpoint));
        log.entries.iter().try_for_each(|entry| verifier.entry(entry))?;
        verifier.finish()
    };
    let older = Log::of(5);
    assert!(older.verify().is_ok());
    assert_eq!(held(&older, &kept).unwrap_err(), Broken { seq: 6, fault: Fault::CutOff });
    assert!(held(&now, &older.checkpoints[0]).is_ok());
    let mut another = Log::of(4);
    another.append(&act(77), &key("5"));
    assert_eq!(
        held(&now, &another.checkpoints[0]).unwrap_err(),
        Broken { seq: 5, fault: Fault::AnotherPast }
    );
}

#[test]
fn another_key_signs_nothing_here() {
    let mut log = Log::of(3);
    log.append(&act(4), &key("6"));
    assert_eq!(
        log.verify().unwrap_err().fault,
        Fault::Missing,
        "who has another key does not go on from our head"
    );
}
