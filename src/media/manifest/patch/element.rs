//! An XML element as it is written: values keep their escapes, so that they are compared and written again unchanged.

use std::fmt;

use quick_xml::Reader;
use quick_xml::events::attributes::{AttrError, Attribute};
use quick_xml::events::{BytesStart, Event};

/// An element of an MPD. Elements have children or a text, not both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Self>,
    text: String,
}

impl Element {
    /// Reads a document; `None` if it is not well-formed.
    pub(super) fn parse(document: &str) -> Option<Self> {
        let mut reader = Reader::from_str(document);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => open.push(Self::begun(&start)?),
                Event::Empty(start) => open.last_mut()?.children.push(Self::begun(&start)?),
                Event::End(_) => {
                    let closed = open.pop()?;
                    open.last_mut()?.children.push(closed);
                }
                Event::Text(text) => open.last_mut()?.text.push_str(&text),
                Event::GeneralRef(entity) => {
                    let text = &mut open.last_mut()?.text;
                    ["&", &entity, ";"].iter().for_each(|part| text.push_str(part));
                }
                Event::Eof => break,
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) | Event::CData(_) => {}
            }
        }
        open.pop()?.children.pop().filter(|_| open.is_empty())
    }

    fn begun(start: &BytesStart<'_>) -> Option<Self> {
        let attribute = |read: Result<Attribute<'_>, AttrError>| {
            let attribute = read.ok()?;
            Some((attribute.key.0.to_owned(), attribute.value.into_owned()))
        };
        let attributes = start.attributes().map(attribute).collect::<Option<_>>()?;
        Some(Self { name: start.name().0.to_owned(), attributes, ..Self::default() })
    }

    /// The value of an attribute, with its escapes.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// Whether a patch replaces the element instead of changing its attributes and children.
    pub(super) fn is_changed_as_a_whole(&self) -> bool {
        self.name == "S" || !self.text.is_empty()
    }

    /// What makes each child the same in two documents: its id, the time of an `S`, or its position.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut end = 0;
        let mut keys: Vec<String> = Vec::with_capacity(self.children.len());
        for child in &self.children {
            let number = |name| child.attribute(name).and_then(|value| value.parse::<u64>().ok());
            let key = match (child.name.as_str(), child.attribute("id")) {
                ("S", _) => {
                    let start = number("t").unwrap_or(end);
                    end = start + number("d").unwrap_or_default() * (number("r").unwrap_or_default() + 1);
                    format!("S {start}")
                }
                (name, Some(id)) => format!("{name} {id}"),
                (name, None) => {
                    let before = self.children[..keys.len()].iter().filter(|other| other.name == name).count();
                    format!("{name} #{before}")
                }
            };
            keys.push(key);
        }
        keys
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.name)?;
        self.attributes.iter().try_for_each(|(name, value)| write!(f, " {name}=\"{value}\""))?;
        if self.children.is_empty() && self.text.is_empty() {
            return f.write_str("/>");
        }
        write!(f, ">{}", self.text)?;
        self.children.iter().try_for_each(|child| child.fmt(f))?;
        write!(f, "</{}>", self.name)
    }
}
