//! Elements of XML with their attributes. A DTD is refused, so no entity expands; depth and number are bounded.

use std::time::Duration;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Deepest element; that of an MPD is at 7.
const DEEPEST: usize = 32;
/// Most elements.
const MOST_ELEMENTS: usize = 200_000;

/// An element with its children.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Element {
    /// Name with its prefix.
    pub name: String,
    /// Text between its children.
    pub text: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Self>,
}

impl Element {
    /// Reads a whole document.
    ///
    /// # Errors
    /// A text with the error of the XML.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
        let mut open = vec![Self::default()];
        let mut count = 0;
        loop {
            match reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(tag) => open.push(Self::start(&tag)?),
                Event::Empty(tag) => close(&mut open, Self::start(&tag)?),
                Event::End(_) => match open.pop() {
                    Some(element) if !open.is_empty() => close(&mut open, element),
                    _ => return Err("an end without a start".into()),
                },
                Event::Text(words) => {
                    let words = words.to_string();
                    if let Some(element) = open.last_mut() {
                        element.text += &words;
                    }
                }
                Event::GeneralRef(name) => {
                    let letter = match &*name {
                        "amp" => '&',
                        "lt" => '<',
                        "gt" => '>',
                        "quot" => '"',
                        "apos" => '\'',
                        other => return Err(format!("a reference &{other};")),
                    };
                    open.last_mut().unwrap_or(&mut Self::default()).text.push(letter);
                }
                Event::DocType(_) => return Err("a DTD, which an MPD has not".into()),
                Event::Eof => break,
                _ => {}
            }
            count += 1;
            if count > MOST_ELEMENTS || open.len() > DEEPEST {
                return Err(format!("more than {MOST_ELEMENTS} elements, or more than {DEEPEST} levels"));
            }
        }
        match (open.len(), open.pop().and_then(|mut document| document.children.pop())) {
            (1, Some(root)) => Ok(root),
            _ => Err("the text ends before its root element does".into()),
        }
    }

    fn start(tag: &BytesStart<'_>) -> Result<Self, String> {
        let mut element = Self { name: tag.name().as_ref().to_owned(), ..Self::default() };
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value =
                attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?.into_owned();
            element.attributes.push((attribute.key.as_ref().to_owned(), value));
        }
        Ok(element)
    }

    /// The children with this name.
    pub fn children(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of an attribute; empty if it is missing.
    pub fn attribute(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    /// The value of an attribute that is a duration of days, hours, minutes and seconds.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        let (date, time) = self.get(name)?.strip_prefix('P')?.split_once('T')?;
        let days = date.split(['Y', 'M']).next_back()?.trim_end_matches('D').parse::<u64>().unwrap_or_default();
        let time: jiff::SignedDuration = format!("PT{time}").parse().ok()?;
        Some(Duration::try_from(time).ok()? + Duration::from_secs(days.min(100_000) * 86_400))
    }
}

fn close(open: &mut [Element], element: Element) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(element);
    }
}
