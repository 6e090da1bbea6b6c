//! Markdown as people and programs write it into notes, drawn by views of the window's own.
//!
//! A note comes from whoever logs runs here, so nothing of it may act: its HTML is shown as text, a link leads to http
//! and https only, and a picture is a link to where it is, since to fetch it would tell its server who reads the note.

use leptos::prelude::*;
use pulldown_cmark::{Alignment, CodeBlockKind, Event, Options, Parser, Tag};

/// Elements within each other that are drawn; what stands deeper stands in the last of them.
const DEEPEST: usize = 12;
/// Bytes that are drawn; a longer text is a file, and stands as it was written.
const LONGEST: usize = 200_000;

/// A text in Markdown, drawn.
#[component]
pub(crate) fn Markdown(#[prop(into)] text: Signal<String>) -> impl IntoView {
    view! {
        <div class="markdown">
            {move || text.with(|text| {
                if text.len() > LONGEST {
                    view! { <pre>{text.clone()}</pre> }.into_any()
                } else {
                    drawn(read(text)).into_any()
                }
            })}
        </div>
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(String),
    Code(String),
    /// The box of a list of tasks.
    Box(bool),
    Break,
    Rule,
    Holds(Element, Vec<Node>),
}

#[derive(Debug, Clone, PartialEq)]
enum Element {
    Paragraph,
    Heading(u8),
    Quote,
    List,
    /// Its first number.
    Numbered(u64),
    Item,
    Emphasis,
    Strong,
    Struck,
    Block,
    Link(String),
    Table,
    Head,
    Row,
    Cell {
        is_number: bool,
    },
}

/// What is open while the text is read.
enum Open {
    Kept(Element),
    /// What it holds stands in what is around it, with this text behind it.
    Flat(String),
}

fn read(text: &str) -> Vec<Node> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut tree = Tree { open: Vec::new(), levels: vec![Vec::new()], columns: Vec::new() };
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Start(tag) => tree.start(tag),
            Event::End(_) => tree.end(),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => tree.text(&text),
            Event::Code(code) | Event::InlineMath(code) | Event::DisplayMath(code) => {
                tree.push(Node::Code(code.into_string()));
            }
            Event::SoftBreak => tree.text(" "),
            Event::HardBreak => tree.push(Node::Break),
            Event::Rule => tree.push(Node::Rule),
            Event::TaskListMarker(is_done) => tree.push(Node::Box(is_done)),
            Event::FootnoteReference(name) => tree.text(&name),
        }
    }
    tree.levels.swap_remove(0)
}

struct Tree {
    open: Vec<Open>,
    /// What stands at the top, and in each element that is open and kept.
    levels: Vec<Vec<Node>>,
    /// How the columns of the table that is open stand.
    columns: Vec<Alignment>,
}

impl Tree {
    fn start(&mut self, tag: Tag<'_>) {
        let opened = match tag {
            Tag::Paragraph | Tag::HtmlBlock | Tag::MetadataBlock(_) | Tag::FootnoteDefinition(_) => {
                Open::Kept(Element::Paragraph)
            }
            Tag::Heading { level, .. } => Open::Kept(Element::Heading(level as u8)),
            Tag::BlockQuote(_) => Open::Kept(Element::Quote),
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => Open::Kept(Element::Block),
            Tag::List(None) => Open::Kept(Element::List),
            Tag::List(Some(first)) => Open::Kept(Element::Numbered(first)),
            Tag::Item => Open::Kept(Element::Item),
            Tag::Emphasis => Open::Kept(Element::Emphasis),
            Tag::Strong => Open::Kept(Element::Strong),
            Tag::Strikethrough => Open::Kept(Element::Struck),
            Tag::Table(columns) => {
                self.columns = columns;
                Open::Kept(Element::Table)
            }
            Tag::TableHead => Open::Kept(Element::Head),
            Tag::TableRow => Open::Kept(Element::Row),
            Tag::TableCell => {
                let at = self.levels.last().map_or(0, Vec::len);
                Open::Kept(Element::Cell { is_number: self.columns.get(at) == Some(&Alignment::Right) })
            }
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => self.link(&dest_url),
            Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript => Open::Flat(String::new()),
        };
        let opened = match opened {
            Open::Kept(_) if self.levels.len() > DEEPEST => Open::Flat(" ".to_owned()),
            opened => opened,
        };
        if matches!(opened, Open::Kept(_)) {
            self.levels.push(Vec::new());
        }
        self.open.push(opened);
    }

    /// Only http and https are followed; of any other address it is said where it would lead.
    fn link(&self, address: &str) -> Open {
        let is_in_link = self.open.iter().any(|open| matches!(open, Open::Kept(Element::Link(_))));
        match (is_web(address), is_in_link) {
            (true, false) => Open::Kept(Element::Link(address.to_owned())),
            (true, true) => Open::Flat(String::new()),
            (false, _) => Open::Flat(format!(" ({address})")),
        }
    }

    fn end(&mut self) {
        match self.open.pop() {
            Some(Open::Kept(element)) => {
                let mut held = self.levels.pop().unwrap_or_default();
                // A link that says nothing, and a picture without a text.
                if let Element::Link(address) = &element
                    && held.is_empty()
                {
                    held.push(Node::Text(address.clone()));
                }
                self.push(Node::Holds(element, held));
            }
            Some(Open::Flat(behind)) => self.text(&behind),
            None => {}
        }
    }

    fn push(&mut self, node: Node) {
        if let Some(level) = self.levels.last_mut() {
            level.push(node);
        }
    }

    fn text(&mut self, text: &str) {
        match self.levels.last_mut().and_then(|level| level.last_mut()) {
            Some(Node::Text(before)) => before.push_str(text),
            _ if text.is_empty() => {}
            _ => self.push(Node::Text(text.to_owned())),
        }
    }
}

fn is_web(address: &str) -> bool {
    let begins = |scheme: &str| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    begins("http://") || begins("https://")
}

fn drawn(nodes: Vec<Node>) -> Vec<AnyView> {
    nodes.into_iter().map(drawn_one).collect()
}

fn drawn_one(node: Node) -> AnyView {
    let (element, held) = match node {
        Node::Text(text) => return text.into_any(),
        Node::Code(code) => return view! { <code>{code}</code> }.into_any(),
        Node::Box(is_done) => {
            return view! { <input type="checkbox" disabled=true checked=is_done aria-label=if is_done { "Done" } else { "To do" } /> }.into_any();
        }
        Node::Break => return view! { <br /> }.into_any(),
        Node::Rule => return view! { <hr /> }.into_any(),
        Node::Holds(element, held) => (element, held),
    };
    if element == Element::Table {
        let (head, rows): (Vec<Node>, Vec<Node>) =
            held.into_iter().partition(|node| matches!(node, Node::Holds(Element::Head, _)));
        return view! {
            // no menu: a table of somebody's notes, whose text is Markdown already
            <div class="scrolls"><table class="small-table"><thead>{drawn(head)}</thead><tbody>{drawn(rows)}</tbody></table></div>
        }
        .into_any();
    }
    if element == Element::Head {
        return view! { <tr>{held.into_iter().map(head_cell).collect::<Vec<_>>()}</tr> }.into_any();
    }
    let held = drawn(held);
    match element {
        Element::Paragraph => view! { <p>{held}</p> }.into_any(),
        // The page and its cards have headings of their own, which stand above these.
        Element::Heading(1) => view! { <h3>{held}</h3> }.into_any(),
        Element::Heading(2) => view! { <h4>{held}</h4> }.into_any(),
        Element::Heading(3) => view! { <h5>{held}</h5> }.into_any(),
        Element::Heading(_) => view! { <h6>{held}</h6> }.into_any(),
        Element::Quote => view! { <blockquote>{held}</blockquote> }.into_any(),
        Element::List => view! { <ul>{held}</ul> }.into_any(),
        Element::Numbered(first) => view! { <ol start=first.to_string()>{held}</ol> }.into_any(),
        Element::Item => view! { <li>{held}</li> }.into_any(),
        Element::Emphasis => view! { <em>{held}</em> }.into_any(),
        Element::Strong => view! { <strong>{held}</strong> }.into_any(),
        Element::Struck => view! { <s>{held}</s> }.into_any(),
        Element::Block => view! { <pre><code>{held}</code></pre> }.into_any(),
        Element::Link(to) => {
            view! { <a class="link" href=to.clone() title=to rel="external noopener noreferrer" target="_blank">{held}</a> }
                .into_any()
        }
        Element::Cell { is_number } => view! { <td class:num=is_number>{held}</td> }.into_any(),
        Element::Row | Element::Head | Element::Table => view! { <tr>{held}</tr> }.into_any(),
    }
}

fn head_cell(node: Node) -> AnyView {
    match node {
        Node::Holds(Element::Cell { is_number }, held) => {
            view! { <th scope="col" class:num=is_number>{drawn(held)}</th> }.into_any()
        }
        other => drawn_one(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree as a short text: "p(…)" for what holds, `code`, and plain text.
    fn said(nodes: &[Node]) -> String {
        nodes.iter().map(said_one).collect::<Vec<_>>().join("")
    }

    fn said_one(node: &Node) -> String {
        match node {
            Node::Text(text) => text.clone(),
            Node::Code(code) => format!("`{code}`"),
            Node::Box(is_done) => if *is_done { "[x]" } else { "[ ]" }.to_owned(),
            Node::Break => "\n".to_owned(),
            Node::Rule => "---".to_owned(),
            Node::Holds(element, held) => {
                let name = match element {
                    Element::Paragraph => "p".to_owned(),
                    Element::Heading(level) => format!("h{level}"),
                    Element::Link(to) => format!("a<{to}>"),
                    Element::Numbered(first) => format!("ol{first}"),
                    Element::Cell { is_number: true } => "num".to_owned(),
                    other => format!("{other:?}").split(' ').next().unwrap_or_default().to_lowercase(),
                };
                format!("{name}({})", said(held))
            }
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(said(&read(text)), expected);
    }

    fn depth(nodes: &[Node]) -> usize {
        let held = nodes.iter().filter_map(|node| match node {
            Node::Holds(_, held) => Some(depth(held)),
            _ => None,
        });
        1 + held.max().unwrap_or(0)
    }

    #[test]
    fn what_people_write_is_read() {
        check("# Wider *nets*\nare `better`", "h1(Wider emphasis(nets))p(are `better`)");
        check("**a** ~~b~~  \nc", "p(strong(a) struck(b)\nc)");
        check("- a\n- [x] b\n\n3. c", "list(item(a)item([x]b))ol3(item(c))");
        check("> q\n\n---\n\n```py\nx < 1\n```", "quote(p(q))---block(x < 1\n)");
        check("| a | b |\n| - | -: |\n| x | 1 |", "table(head(cell(a)num(b))row(cell(x)num(1)))");
        check("[a](https://x.org/b) <HTTP://y.org>", "p(a<https://x.org/b>(a) a<HTTP://y.org>(HTTP://y.org))");
    }

    #[test]
    fn html_is_text() {
        check("<script>alert(1)</script>", "p(<script>alert(1)</script>)");
        check("a <img src=x onerror=alert(1)> b", "p(a <img src=x onerror=alert(1)> b)");
        check("<b>bold</b>", "p(<b>bold</b>)");
        check("&lt;script&gt;", "p(<script>)");
    }

    #[test]
    fn only_http_and_https_are_followed() {
        for address in
            ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd", "/api/x"]
        {
            check(&format!("[a]({address})"), &format!("p(a ({address}))"));
        }
        check("[a](java&#115;cript:alert(1))", "p(a (javascript:alert(1)))");
        check("<javascript:alert(1)>", "p(javascript:alert(1) (javascript:alert(1)))");
        check("[a](<\u{1}javascript:x>)", "p(a (\u{1}javascript:x))");
        assert!(!is_web("http:/x") && !is_web("ä") && !is_web("") && is_web("HTTPS://x"));
    }

    #[test]
    fn a_picture_is_a_link_to_it_and_fetches_nothing() {
        check("![curve](https://x.org/c.png)", "p(a<https://x.org/c.png>(curve))");
        check("![](https://x.org/c.png)", "p(a<https://x.org/c.png>(https://x.org/c.png))");
        check("[![curve](https://x.org/c.png)](https://y.org)", "p(a<https://y.org>(curve))");
        check("![c](c.png)", "p(c (c.png))");
    }

    #[test]
    fn deep_nesting_is_cut_and_loses_no_word() {
        let deep = format!("{}quoted", "> ".repeat(5_000));
        assert!(depth(&read(&deep)) <= DEEPEST + 2 && said(&read(&deep)).contains("quoted"));
        let lists: String = (0..200).map(|level| format!("{}- level {level}\n", "  ".repeat(level))).collect();
        let nodes = read(&lists);
        assert!(depth(&nodes) <= DEEPEST + 2 && said(&nodes).contains("level 199"));
        let starred = format!("{}a{}", "*b ".repeat(2_000), "*".repeat(2_000));
        assert!(depth(&read(&starred)) <= DEEPEST + 2);
        assert!(said(&read(&"[".repeat(20_000))).contains("[["));
    }
}
