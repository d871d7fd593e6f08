//! Windows that merge as elements join them. Source: Flink, `MergingWindowSet`.

use smallvec::SmallVec;

use super::{Core, Slot, Windows};
use crate::context::Context;
use crate::error::Error;
use crate::window::assigner::WindowAssigner;
use crate::window::contents::Contents;
use crate::window::store::Entry;
use crate::window::trigger::Trigger;

/// Positions of windows that merge, mostly with one.
type Members = SmallVec<[usize; 1]>;
/// Windows that merge.
type Parts<C, S> = SmallVec<[Slot<C, S>; 1]>;

impl<A, Tr, C> Core<A, Tr, C>
where
    A: WindowAssigner<C::In, Window = C::Window>,
    Tr: Trigger<C::In, C::Window>,
    C: Contents,
{
    /// The position of the window that an element's window has become a part of; none if that is
    /// too late.
    pub(super) fn merge_in(
        &mut self,
        windows: &mut Windows<C, Tr::State>,
        window: &C::Window,
        ctx: &Context<C::Key>,
    ) -> Result<Option<usize>, Error> {
        let (merged, members) = self.members(windows, window);
        if let [only] = members.as_slice()
            && windows.entries[*only].window == merged
        {
            return Ok(if self.is_late(&merged, ctx.current_watermark()) {
                windows.entries.remove(*only);
                None
            } else {
                Some(*only)
            });
        }
        if members.is_empty() {
            if self.is_late(&merged, ctx.current_watermark()) {
                return Ok(None);
            }
            return Ok(Some(windows.find_or_add(&merged)));
        }
        self.check_end(&merged, ctx)?;
        let mut parts: Parts<C, Tr::State> = SmallVec::new();
        for position in members.into_iter().rev() {
            parts.extend(windows.entries.remove(position));
        }
        parts.reverse();
        let entry = self.merge(merged, parts)?;
        let position = match windows.position(&entry.window) {
            Ok(position) | Err(position) => position,
        };
        windows.entries.insert(position, entry);
        Ok(Some(position))
    }

    /// What a window becomes with all windows it merges with, and their positions in order.
    fn members(&self, windows: &Windows<C, Tr::State>, window: &C::Window) -> (C::Window, Members) {
        let (mut merged, mut members) = (window.clone(), Members::new());
        loop {
            let before = members.len();
            for (position, entry) in windows.entries.iter().enumerate() {
                if !members.contains(&position)
                    && let Some(both) = self.assigner.merge(&merged, &entry.window)
                {
                    merged = both;
                    members.push(position);
                }
            }
            if members.len() == before {
                members.sort_unstable();
                return (merged, members);
            }
        }
    }

    /// Makes one window of several, with what they hold and what the trigger knows of them.
    fn merge(
        &mut self,
        merged: C::Window,
        mut parts: Parts<C, Tr::State>,
    ) -> Result<Slot<C, Tr::State>, Error> {
        let mut entry: Slot<C, Tr::State> = Entry::new(merged);
        let states: SmallVec<[Tr::State; 1]> =
            parts.iter().map(|part| part.trigger.clone()).collect();
        self.ask(&mut entry, |trigger, window, ctx| trigger.on_merge(window, &states, ctx))?;
        for part in &mut parts {
            self.ask(part, |trigger, window, ctx| trigger.clear(window, ctx))?;
        }
        for part in parts {
            if let Some(stored) = part.stored {
                self.contents.merge(&mut entry.stored, stored);
            }
        }
        Ok(entry)
    }

    /// Refuses a merged window that should have ended before.
    fn check_end(&self, merged: &C::Window, ctx: &Context<C::Key>) -> Result<(), Error> {
        let end = self.lateness.cleanup_time(self.event_time, merged);
        let now =
            if self.event_time { ctx.current_watermark() } else { ctx.current_processing_time() };
        if end <= now {
            return Err(Error::fatal(format!(
                "windows have merged into {merged:?} (cleaned up at {end}), which {now} is behind"
            )));
        }
        Ok(())
    }
}
