//! How wide a text is: the advance widths of Inter and JetBrains Mono, compiled in, so that a chart
//! is laid out the same in the window, in a report and in a test.
//!
//! Made from `assets/fonts/inter-regular.ttf` (`hmtx` through `cmap`, in thousandths of an em).

/// Which of the two fonts a text is set in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Inter: names.
    Sans,
    /// JetBrains Mono: numbers. The window sets it a little closer (−0.02 em).
    Mono,
}

impl Family {
    /// The name that plotters carries, and the class that the text gets.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sans => "t-sans",
            Self::Mono => "t-mono",
        }
    }
}

/// JetBrains Mono's one advance, less the closer setting.
const MONO: f64 = 0.58;

/// Inter's advances of U+0020 to U+007E.
const BASIC: [u16; 95] = [
    281, 288, 466, 633, 642, 982, 644, 300, 365, 365, 501, 662, 288, 460, 288, 360, 631, 407, 610, 618, 646, 593, 620,
    566, 619, 620, 288, 302, 662, 662, 662, 511, 966, 690, 654, 730, 722, 601, 590, 746, 743, 269, 571, 672, 565, 903,
    753, 765, 639, 765, 644, 642, 646, 744, 690, 985, 682, 679, 629, 365, 360, 365, 471, 456, 323, 562, 612, 571, 612,
    583, 370, 613, 591, 242, 242, 549, 242, 876, 591, 600, 612, 612, 376, 528, 327, 591, 562, 818, 546, 562, 552, 426,
    333, 426, 662,
];

/// Inter's advances of U+00A0 to U+00FF.
const LATIN: [u16; 96] = [
    281, 288, 571, 611, 725, 550, 270, 568, 591, 914, 454, 583, 662, 591, 666, 478, 456, 662, 442, 446, 323, 586, 603,
    288, 268, 304, 482, 583, 802, 847, 882, 511, 690, 690, 690, 690, 690, 690, 994, 730, 601, 601, 601, 601, 269, 269,
    269, 269, 735, 753, 765, 765, 765, 765, 765, 662, 765, 744, 744, 744, 744, 679, 636, 616, 562, 562, 562, 562, 562,
    562, 917, 571, 583, 583, 583, 583, 242, 242, 242, 242, 583, 591, 600, 600, 600, 600, 600, 662, 600, 591, 591, 591,
    591, 562, 612, 562,
];

/// The width of a text in pixels.
pub fn width(text: &str, family: Family, size: f64) -> f64 {
    text.chars().map(|letter| advance(letter, family)).sum::<f64>() * size
}

/// Pixels that a room may lack: one that was reckoned from the text's own width lost as much by rounding.
const ROUNDED: f64 = 1e-6;

fn fits(text: &str, family: Family, size: f64, room: f64) -> bool {
    width(text, family, size) <= room + ROUNDED
}

/// The part of a text that fits, with "…" where something is left out.
pub fn cut(text: &str, family: Family, size: f64, room: f64) -> String {
    if fits(text, family, size, room) {
        return text.to_owned();
    }
    let room = room - advance('…', family) * size;
    let mut used = 0.0;
    let kept: String = text
        .chars()
        .take_while(|letter| {
            used += advance(*letter, family) * size;
            used <= room
        })
        .collect();
    format!("{}…", kept.trim_end())
}

/// The same with what is left out in the middle: names that begin alike are told apart by their ends.
pub fn cut_in_middle(text: &str, family: Family, size: f64, room: f64) -> String {
    if fits(text, family, size, room) {
        return text.to_owned();
    }
    let room = (room - advance('…', family) * size) / 2.0;
    let fitting = |letters: &mut dyn Iterator<Item = char>| {
        let mut used = 0.0;
        let fits = |letter: &char| {
            used += advance(*letter, family) * size;
            used <= room
        };
        letters.take_while(fits).collect::<Vec<char>>()
    };
    let start: String = fitting(&mut text.chars()).into_iter().collect();
    let end: String = fitting(&mut text.chars().rev()).into_iter().rev().collect();
    format!("{}…{}", start.trim_end(), end.trim_start())
}

fn advance(letter: char, family: Family) -> f64 {
    let code = letter as usize;
    // The system's fonts write what ours lack: East Asian letters fill the square, marks no room.
    match code {
        0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => return 0.0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0x1f300..=0x1faff
        | 0x20000..=0x3ffff => return 1.0,
        _ => {}
    }
    if family == Family::Mono {
        return MONO;
    }
    let thousandths = match code {
        0x20..=0x7e => BASIC[code - 0x20],
        0xa0..=0xff => LATIN[code - 0xa0],
        // The few signs of our own sentences that stand elsewhere; any other letter is taken as wide.
        0x2013 => 500,
        0x2014 => 1000,
        0x2018 | 0x2019 => 261,
        0x201c | 0x201d => 440,
        0x2026 => 864,
        0x20ac => 667,
        0x2212 => 662,
        _ => 700,
    };
    f64::from(thousandths) / 1000.0
}
