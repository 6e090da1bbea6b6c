//! Colours by role. Plotters carries RGB only, so a role travels as a reserved colour and comes out
//! of the backend as a class.

use plotters::style::RGBColor;

/// What a mark is, as far as its colour goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// One of the eight colours of series, from 1.
    Series(u8),
    /// One of the five steps of a heat map, from 0.
    Heat(u8),
    /// One of the seven steps of a sequential scale, from 0. It runs along blue and yellow and its
    /// lightness along with it, so that no colour blindness hides its order; the high end stands
    /// out most from the ground of either theme.
    Ramp(u8),
    Text,
    Muted,
    Faint,
    Grid,
    Line,
    Ground,
    Accent,
    Good,
    Warn,
    Bad,
    Info,
}

const PLAIN: [Role; 11] = [
    Role::Text,
    Role::Muted,
    Role::Faint,
    Role::Grid,
    Role::Line,
    Role::Ground,
    Role::Accent,
    Role::Good,
    Role::Warn,
    Role::Bad,
    Role::Info,
];

/// Steps of the sequential scale.
pub const RAMP: u8 = 7;

/// The red of every reserved colour; the other two say which role.
const RESERVED: u8 = 0xf0;
/// The green of a series that is dashed.
const DASHED: u8 = 4;

impl Role {
    /// The role of the `index`-th series.
    pub const fn series(index: usize) -> Self {
        Self::Series((index % 8) as u8 + 1)
    }

    pub(crate) fn colour(self) -> RGBColor {
        match self {
            Self::Series(number) => RGBColor(RESERVED, 1, number),
            Self::Heat(step) => RGBColor(RESERVED, 2, step),
            Self::Ramp(step) => RGBColor(RESERVED, 3, step),
            plain => {
                let index = PLAIN.iter().position(|other| *other == plain).unwrap_or(0);
                RGBColor(RESERVED, 0, index as u8)
            }
        }
    }

    /// The colour of a series whose whole line is one dashed mark.
    pub(crate) fn dashed(self) -> RGBColor {
        if let Self::Series(number) = self { RGBColor(RESERVED, DASHED, number) } else { self.colour() }
    }

    pub(crate) const fn is_dashed(rgb: (u8, u8, u8)) -> bool {
        matches!(rgb, (RESERVED, DASHED, _))
    }

    pub(crate) fn of_colour(rgb: (u8, u8, u8)) -> Self {
        match rgb {
            (RESERVED, 1 | DASHED, number) => Self::Series(number),
            (RESERVED, 2, step) => Self::Heat(step),
            (RESERVED, 3, step) => Self::Ramp(step),
            (RESERVED, 0, index) => PLAIN.get(index as usize).copied().unwrap_or(Role::Text),
            _ => Self::Text,
        }
    }

    /// The class that sets `--c`.
    pub fn class(self) -> String {
        match self {
            Self::Series(number) => format!("r-{number}"),
            Self::Heat(step) => format!("r-heat-{step}"),
            Self::Ramp(step) => format!("r-ramp-{step}"),
            plain => format!("r-{}", plain.name()),
        }
    }

    /// The token's name without its dashes.
    pub fn token(self) -> String {
        match self {
            Self::Series(number) => format!("chart-{number}"),
            Self::Heat(step) => format!("heat-{step}"),
            Self::Ramp(step) => format!("ramp-{step}"),
            Self::Muted => "text-muted".to_owned(),
            Self::Faint => "text-faint".to_owned(),
            Self::Line => "line-strong".to_owned(),
            Self::Ground => "surface-1".to_owned(),
            plain => plain.name().to_owned(),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Series(_) | Self::Heat(_) | Self::Ramp(_) | Self::Text => "text",
            Self::Muted => "muted",
            Self::Faint => "faint",
            Self::Grid => "grid",
            Self::Line => "line",
            Self::Ground => "ground",
            Self::Accent => "accent",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Info => "info",
        }
    }

    /// Every role, for export and for the window's style sheet.
    pub fn all() -> Vec<Self> {
        let mut all = PLAIN.to_vec();
        all.extend((1..=8).map(Self::Series));
        all.extend((0..5).map(Self::Heat));
        all.extend((0..RAMP).map(Self::Ramp));
        all
    }
}
