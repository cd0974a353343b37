//! Applies patches to MPDs (ISO/IEC 23009-1 5.15): the operations of RFC 5261, with the selectors that MPD patches use.

use super::Element;

/// The MPD that a patch makes of another; `None` if the patch has a selector of another kind.
///
/// # Errors
/// The operation that does not fit the MPD.
pub fn patched(mpd: &Element, patch: &Element) -> Result<Option<Element>, String> {
    let mut document = Element { children: vec![mpd.clone()], ..Element::default() };
    for operation in &patch.children {
        let selector = operation.attribute("sel");
        let Some(steps) = steps(&selector) else { return Ok(None) };
        apply(&mut document, operation, &steps)
            .ok_or_else(|| format!("{} cannot be applied: {selector}", operation.name))?;
    }
    document.children.pop().map(Some).ok_or_else(|| "the patch removes the MPD".into())
}

/// A step of a selector.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    /// A child with this name: the one at the position, counted from 1, or the first one with this value of an attribute.
    Child(&'a str, Option<usize>, Option<(&'a str, &'a str)>),
    Attribute(&'a str),
}

/// The steps of an absolute path with positions and values of attributes.
fn steps(selector: &str) -> Option<Vec<Step<'_>>> {
    let (mut steps, mut rest) = (Vec::new(), selector.strip_prefix('/')?);
    loop {
        let mut quoted = false;
        let end = rest.find(|letter| {
            quoted ^= letter == '\'' || letter == '"';
            letter == '/' && !quoted
        });
        let (step, after) = end.map_or((rest, None), |end| (&rest[..end], Some(&rest[end + 1..])));
        steps.push(self::step(step)?);
        let Some(after) = after else { return Some(steps) };
        rest = after;
    }
}

fn step(text: &str) -> Option<Step<'_>> {
    let is_name = |name: &str| !name.is_empty() && !name.contains(['(', '[', ']', '*', '.', '\'', '"', '@']);
    if let Some(name) = text.strip_prefix('@') {
        return is_name(name).then_some(Step::Attribute(name));
    }
    let (name, predicate) = text.split_once('[').map_or((text, None), |(name, rest)| (name, rest.strip_suffix(']')));
    // The prefix is that of the namespace of MPDs.
    let name = name.rsplit(':').next().filter(|name| is_name(name))?;
    if predicate.is_none() {
        return (!text.contains('[')).then_some(Step::Child(name, None, None));
    }
    let predicate = predicate?.trim();
    if let Ok(position) = predicate.parse() {
        return Some(Step::Child(name, Some(position), None));
    }
    let (attribute, value) = predicate.strip_prefix('@')?.split_once('=')?;
    let value = value.trim();
    let value = ['\'', '"'].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))?;
    is_name(attribute.trim()).then_some(Step::Child(name, None, Some((attribute.trim(), value))))
}

/// The index of the child that a step selects.
fn find(parent: &Element, step: &Step<'_>) -> Option<usize> {
    let Step::Child(name, position, value) = step else { return None };
    let fits = |child: &Element| value.is_none_or(|(attribute, value)| child.get(attribute) == Some(value));
    let mut named = parent.children.iter().enumerate().filter(|(_, child)| child.name == *name && fits(child));
    named.nth(position.unwrap_or(1).checked_sub(1)?).map(|(index, _)| index)
}

fn apply(document: &mut Element, operation: &Element, steps: &[Step<'_>]) -> Option<()> {
    let (last, parents) = steps.split_last()?;
    let mut parent = document;
    for step in parents {
        parent = find(parent, step).and_then(|index| parent.children.get_mut(index))?;
    }
    if let Step::Attribute(name) = last {
        let place = parent.attributes.iter().position(|(known, _)| known == name)?;
        match operation.name.as_str() {
            "remove" => _ = parent.attributes.remove(place),
            "replace" => operation.text.clone_into(&mut parent.attributes[place].1),
            _ => return None,
        }
        return Some(());
    }
    let index = find(parent, last)?;
    let new = operation.children.iter().cloned();
    match (operation.name.as_str(), operation.get("pos"), operation.get("type")) {
        ("remove", ..) => _ = parent.children.remove(index),
        ("replace", ..) => _ = parent.children.splice(index..=index, new),
        ("add", Some("before"), _) => _ = parent.children.splice(index..index, new),
        ("add", Some("after"), _) => _ = parent.children.splice(index + 1..index + 1, new),
        ("add", Some("prepend"), _) => _ = parent.children[index].children.splice(0..0, new),
        ("add", None, Some(attribute)) => {
            let pair = (attribute.strip_prefix('@')?.to_owned(), operation.text.clone());
            parent.children[index].attributes.push(pair);
        }
        ("add", None, None) => parent.children[index].children.extend(new),
        _ => return None,
    }
    Some(())
}

/// The path of the first element in which two documents differ, apart from the order of attributes.
pub fn difference(one: &Element, two: &Element) -> Option<String> {
    let sorted = |element: &Element| {
        let mut attributes = element.attributes.clone();
        attributes.sort();
        attributes
    };
    let same = one.name == two.name && one.text.trim() == two.text.trim() && sorted(one) == sorted(two);
    if !same {
        return Some(two.name.clone());
    }
    let inner = one.children.iter().zip(&two.children).find_map(|(one, two)| difference(one, two));
    match inner {
        Some(inner) => Some(format!("{}/{inner}", one.name)),
        None if one.children.len() == two.children.len() => None,
        None => Some(one.name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(operations: &str) -> Result<Option<Element>, String> {
        let mpd = r#"<MPD id="m" publishTime="1"><Period id="a/b"><S t="1"/><S t="2"/></Period><Period id="c"/></MPD>"#;
        let patch = Element::parse(&format!("<Patch>{operations}</Patch>")).unwrap();
        patched(&Element::parse(mpd).unwrap(), &patch)
    }

    #[track_caller]
    fn check(operations: &str, expected: &str) {
        let (made, expected) = (made(operations).unwrap().unwrap(), Element::parse(expected).unwrap());
        assert_eq!(difference(&made, &expected), None, "{made:?}");
    }

    #[test]
    fn operations_make_the_new_mpd() {
        check(
            r#"<replace sel="/MPD/@publishTime">2</replace><add sel="/MPD" type="@x">3</add><remove sel="/MPD/@id"/>
            <add sel="/MPD/Period[@id='a/b']/S[2]" pos="after"><S t="3"/></add><remove sel="/MPD/Period[1]/S[1]"/>
            <replace sel='/MPD/Period[@id="c"]'><Period id="d"/></replace><add sel="/MPD"><Period id="e"/></add>"#,
            r#"<MPD x="3" publishTime="2"><Period id="a/b"><S t="2"/><S t="3"/></Period><Period id="d"/><Period id="e"/></MPD>"#,
        );
        check(
            r#"<add sel="/MPD/Period[1]" pos="before"><Period id="0"/></add><remove sel="/MPD/Period[3]"/>
            <add sel="/MPD/Period[2]" pos="prepend"><S t="0"/></add>"#,
            r#"<MPD id="m" publishTime="1"><Period id="0"/><Period id="a/b"><S t="0"/><S t="1"/><S t="2"/></Period></MPD>"#,
        );
    }

    #[test]
    fn an_operation_on_nothing_is_an_error() {
        for sel in ["/MPD/Period[3]", "/MPD/@surprise", "/MPD/Period[@id='x']/S", "/MPD/Period[0]"] {
            let error = made(&format!("<remove sel=\"{sel}\"/>")).unwrap_err();
            assert!(error.contains(sel), "{error}");
        }
        for sel in ["//Period", "/MPD/Period[last()]", "/MPD/*", "MPD", "/MPD/Period/text()"] {
            assert_eq!(made(&format!("<remove sel=\"{sel}\"/>")), Ok(None), "{sel}");
        }
    }

    #[test]
    fn the_first_difference_is_named() {
        let read = |text: &str| Element::parse(text).unwrap();
        let one = read(r#"<MPD a="1" b="2"><Period><S t="1"/></Period></MPD>"#);
        assert_eq!(difference(&one, &read(r#"<MPD b="2" a="1"> <Period><S t="1"/></Period></MPD>"#)), None);
        let place = |text| difference(&one, &read(text)).unwrap();
        assert_eq!(place(r#"<MPD a="1" b="2"><Period><S t="2"/></Period></MPD>"#), "MPD/Period/S");
        assert_eq!(place(r#"<MPD a="1" b="2"><Period/></MPD>"#), "MPD/Period");
    }
}
