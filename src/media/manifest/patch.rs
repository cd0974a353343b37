//! Patches of MPDs (ISO/IEC 23009-1 5.15): operations of RFC 5261 that turn one MPD into another. Both MPDs are texts of
//! [`super::dash`], so a patch is correct for every change.
//!
//! Players support few forms of operations, and each player supports others. Patches therefore add, replace and remove whole `S`
//! elements, because dash.js treats a changed attribute as text. Patches select `S` elements by position, because shaka-player
//! supports no other selector for all of them.

use std::collections::HashSet;
use std::fmt::Write;

use element::Element;

mod element;

const NAMESPACE: &str = "urn:mpeg:dash:schema:mpd-patch:2020";

/// The patch that makes `new` from `old`; `None` if one of them is not an MPD with an id and a time of publication.
pub(super) fn patch(old: &str, new: &str) -> Option<String> {
    let (old, new) = (Element::parse(old)?, Element::parse(new)?);
    let (id, before, after) = (new.attribute("id")?, old.attribute("publishTime")?, new.attribute("publishTime")?);
    let mut operations = Operations(format!(
        "<?xml version=\"1.0\"?>\n<Patch xmlns=\"{NAMESPACE}\" mpdId=\"{id}\" originalPublishTime=\"{before}\" publishTime=\"{after}\">"
    ));
    operations.change(&old, &new, &format!("/{}", new.name));
    operations.0.push_str("</Patch>\n");
    Some(operations.0)
}

/// A patch while it is written.
struct Operations(String);

impl Operations {
    /// Makes `new` of `old`, which `path` leads to. Both have the same name.
    fn change(&mut self, old: &Element, new: &Element, path: &str) {
        for (name, value) in &new.attributes {
            match old.attribute(name) {
                None => self.operation("add", path, &format!(" type=\"@{name}\""), value),
                Some(before) if before != value => self.operation("replace", &format!("{path}/@{name}"), "", value),
                Some(_) => {}
            }
        }
        for (name, _) in old.attributes.iter().filter(|(name, _)| new.attribute(name).is_none()) {
            self.operation("remove", &format!("{path}/@{name}"), "", "");
        }
        self.change_children(old, new, path);
    }

    /// Goes through the children of both in step. Children that both have are in the same order in both.
    fn change_children(&mut self, old: &Element, new: &Element, path: &str) {
        let (old_keys, new_keys) = (old.keys(), new.keys());
        let in_new: HashSet<_> = new_keys.iter().collect();
        let mut places = Places { path, done: Vec::new() };
        let mut rest = old.children.iter().zip(&old_keys).peekable();
        for (child, key) in new.children.iter().zip(&new_keys) {
            while let Some((gone, _)) = rest.next_if(|(_, other)| !in_new.contains(other)) {
                self.operation("remove", &places.next(gone), "", "");
            }
            match rest.next_if(|(_, other)| *other == key) {
                Some((before, _)) if before == child => {}
                Some((before, _)) if child.is_changed_as_a_whole() => {
                    self.operation("replace", &places.next(before), "", &child.to_string());
                }
                Some((before, _)) => self.change(before, child, &places.next(before)),
                None => {
                    let (place, position) = places.of_addition(rest.peek().map(|(next, _)| *next));
                    self.operation("add", &place, position, &child.to_string());
                }
            }
            places.done.push(child);
        }
        for (gone, _) in rest {
            self.operation("remove", &places.next(gone), "", "");
        }
    }

    fn operation(&mut self, name: &str, path: &str, attribute: &str, content: &str) {
        let end = if content.is_empty() { "/>".to_owned() } else { format!(">{content}</{name}>") };
        let _ = write!(self.0, "<{name} sel=\"{path}\"{attribute}{end}");
    }
}

/// Names of the children of an element, as far as a patch has changed them.
struct Places<'a> {
    path: &'a str,
    /// The first children, which are as they shall be.
    done: Vec<&'a Element>,
}

impl Places<'_> {
    /// The path of the first child that is not done yet.
    fn next(&self, child: &Element) -> String {
        let same_name = self.done.iter().filter(|done| done.name == child.name).count();
        self.named(child, same_name + 1)
    }

    /// Where a child is to be added: a path, and the position there. After the last that is done, or else before the next.
    fn of_addition(&self, next: Option<&Element>) -> (String, &'static str) {
        match (self.done.last(), next) {
            (Some(last), _) => {
                let same_name = self.done.iter().filter(|done| done.name == last.name).count();
                (self.named(last, same_name), " pos=\"after\"")
            }
            (None, Some(next)) => (self.next(next), " pos=\"before\""),
            (None, None) => (self.path.to_owned(), ""),
        }
    }

    fn named(&self, child: &Element, position: usize) -> String {
        match child.attribute("id") {
            Some(id) => format!("{}/{}[@id='{id}']", self.path, child.name),
            None => format!("{}/{}[{position}]", self.path, child.name),
        }
    }
}

#[cfg(test)]
mod tests;
