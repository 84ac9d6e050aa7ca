//! Who waits, and who goes next: the most urgent lane first, and in a lane the callers in turn, each as often as its
//! weight says.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;

use super::Member;
use crate::lane::Lane;

#[derive(Default)]
pub(super) struct Room {
    /// By lane, most urgent first.
    lanes: [VecDeque<Queue>; 4],
    len: usize,
}

/// One caller's calls in one lane, the next to go first.
struct Queue {
    caller: Arc<str>,
    kin: u16,
    weight: u16,
    members: VecDeque<Member>,
}

/// Who a driver asks a slot for.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) lane: Lane,
    pub(crate) caller: Arc<str>,
    pub(crate) kin: u16,
    pub(crate) weight: u16,
    pub(crate) deadline: Instant,
}

/// What became of a member that was offered.
pub(super) enum Taken {
    In,
    /// It does not go any more.
    Out,
    /// There is no room for it, nor for those behind it.
    Full(Member),
}

impl Room {
    /// Those who wait, the ones who hung up included.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, member: Member) {
        self.len += 1;
        let lane = &mut self.lanes[member.lane as usize];
        match lane.iter_mut().find(|queue| queue.caller == member.caller && queue.kin == member.kin) {
            Some(queue) => queue.members.push_back(member),
            None => lane.push_back(Queue {
                caller: member.caller.clone(),
                kin: member.kin,
                weight: member.weight.max(1),
                members: VecDeque::from([member]),
            }),
        }
    }

    /// Who goes next.
    pub(super) fn head(&self, deadline: Instant) -> Option<Head> {
        let queue = self.lanes.iter().find_map(VecDeque::front)?;
        let Queue { kin, weight, .. } = *queue;
        Some(Head { lane: queue.members.front()?.lane, caller: queue.caller.clone(), kin, weight, deadline })
    }

    /// Offers member after member, until there is no room or nobody is left.
    pub(super) fn take(&mut self, mut offer: impl FnMut(Member) -> Taken) {
        for lane in &mut self.lanes {
            while let Some(mut queue) = lane.pop_front() {
                for _ in 0..queue.weight {
                    let Some(member) = queue.members.pop_front() else { break };
                    match offer(member) {
                        Taken::In | Taken::Out => self.len -= 1,
                        Taken::Full(member) => {
                            queue.members.push_front(member);
                            lane.push_front(queue);
                            return;
                        }
                    }
                }
                if !queue.members.is_empty() {
                    lane.push_back(queue);
                }
            }
        }
    }

    pub(super) fn count(&self, is_one: impl Fn(&Member) -> bool) -> usize {
        let members = self.lanes.iter().flatten().flat_map(|queue| &queue.members);
        members.filter(|member| is_one(member)).count()
    }

    pub(super) fn take_if(&mut self, is_out: impl Fn(&Member) -> bool) -> Vec<Member> {
        let mut out = Vec::new();
        for lane in &mut self.lanes {
            for queue in lane.iter_mut() {
                let (gone, stay): (VecDeque<_>, VecDeque<_>) =
                    std::mem::take(&mut queue.members).into_iter().partition(&is_out);
                queue.members = stay;
                out.extend(gone);
            }
            lane.retain(|queue| !queue.members.is_empty());
        }
        self.len -= out.len();
        out
    }
}
