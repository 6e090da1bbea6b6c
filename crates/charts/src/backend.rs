//! The one backend: SVG on a grid ten times as fine as a pixel, with roles as classes.

use std::{convert::Infallible, fmt::Write as _};

use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    text_anchor::{HPos, VPos},
};

use crate::{
    role::Role,
    text::{self, Family},
};

/// Steps of the grid in a pixel.
pub(crate) const GRID: i32 = 10;

/// Height of a capital over the size, the same in both fonts to a hundredth.
const CAPITAL: f64 = 0.73;

/// Writes SVG elements into a text.
pub(crate) struct SvgBackend<'a> {
    out: &'a mut String,
    size: (u32, u32),
}

impl<'a> SvgBackend<'a> {
    /// A drawing of so many pixels.
    pub(crate) fn new(out: &'a mut String, width: f64, height: f64) -> Self {
        let grid = |pixels: f64| (pixels * f64::from(GRID)).round().max(1.0) as u32;
        Self { out, size: (grid(width), grid(height)) }
    }

    fn stroke<S: BackendStyle>(&mut self, style: &S) {
        let width = style.stroke_width();
        let _ = write!(self.out, " class=\"s {}\"", class(style.color()));
        if width != GRID as u32 {
            let _ = write!(self.out, " stroke-width=\"{}\"", pixels(width as i32));
        }
        if Role::is_dashed(style.color().rgb) {
            self.out.push_str(" stroke-dasharray=\"5 3\"");
        }
        self.opacity(style.color());
    }

    fn fill(&mut self, colour: BackendColor) {
        let _ = write!(self.out, " class=\"f {}\"", class(colour));
        self.opacity(colour);
    }

    fn opacity(&mut self, colour: BackendColor) {
        if colour.alpha < 0.999 {
            let _ = write!(self.out, " opacity=\"{}\"", short(colour.alpha));
        }
    }

    fn points(&mut self, path: impl IntoIterator<Item = BackendCoord>) {
        let mut last = None;
        for point in path {
            if last == Some(point) {
                continue;
            }
            self.out.push(if last.is_none() { 'M' } else { 'L' });
            let _ = write!(self.out, "{} {}", pixels(point.0), pixels(point.1));
            last = Some(point);
        }
    }
}

impl DrawingBackend for SvgBackend<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn present(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, colour: BackendColor) -> Result<(), DrawingErrorKind<Infallible>> {
        let _ = write!(self.out, "<rect x=\"{}\" y=\"{}\" width=\"1\" height=\"1\"", pixels(point.0), pixels(point.1));
        self.fill(colour);
        self.out.push_str("/>");
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        self.draw_path([from, to], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        if style.color().alpha > 0.0 {
            self.out.push_str("<path d=\"");
            self.points(path);
            self.out.push('"');
            self.stroke(style);
            self.out.push_str("/>");
        }
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let (left, top) = (from.0.min(to.0), from.1.min(to.1));
        let (width, height) = ((from.0 - to.0).abs(), (from.1 - to.1).abs());
        let _ = write!(
            self.out,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
            pixels(left),
            pixels(top),
            pixels(width),
            pixels(height)
        );
        if fill {
            self.fill(style.color());
        } else {
            self.stroke(style);
        }
        self.out.push_str("/>");
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        centre: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let _ = write!(
            self.out,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"",
            pixels(centre.0),
            pixels(centre.1),
            pixels(radius as i32)
        );
        if fill {
            self.fill(style.color());
        } else {
            self.stroke(style);
        }
        self.out.push_str("/>");
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        self.out.push_str("<path d=\"");
        self.points(path);
        self.out.push_str("Z\"");
        self.fill(style.color());
        self.out.push_str("/>");
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &T,
        at: BackendCoord,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let size = style.size() / f64::from(GRID);
        let anchor = style.anchor();
        let capital = CAPITAL * size * f64::from(GRID);
        let base = match anchor.v_pos {
            VPos::Top => f64::from(at.1) + capital,
            VPos::Center => f64::from(at.1) + capital / 2.0,
            VPos::Bottom => f64::from(at.1),
        };
        let _ = write!(self.out, "<text x=\"{}\" y=\"{}\"", pixels(at.0), pixels(base.round() as i32));
        match anchor.h_pos {
            HPos::Left => {}
            HPos::Center => self.out.push_str(" text-anchor=\"middle\""),
            HPos::Right => self.out.push_str(" text-anchor=\"end\""),
        }
        let _ = write!(
            self.out,
            " class=\"{} {}\" font-size=\"{}\"",
            style.family().as_str(),
            class(style.color()),
            short(size)
        );
        self.opacity(style.color());
        self.out.push('>');
        escape(text, self.out);
        self.out.push_str("</text>");
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let family = if style.family().as_str() == Family::Mono.name() { Family::Mono } else { Family::Sans };
        Ok((text::width(text, family, style.size()).ceil() as u32, style.size().ceil() as u32))
    }
}

fn class(colour: BackendColor) -> String {
    Role::of_colour(colour.rgb).class()
}

/// A distance on the grid as pixels, without a needless ".0".
fn pixels(steps: i32) -> String {
    let sign = if steps < 0 { "-" } else { "" };
    let steps = steps.unsigned_abs();
    if steps.is_multiple_of(GRID as u32) {
        format!("{sign}{}", steps / 10)
    } else {
        format!("{sign}{}.{}", steps / 10, steps % 10)
    }
}

fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text as it may stand in an element or an attribute.
pub(crate) fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            letter if letter.is_control() => {}
            letter => out.push(letter),
        }
    }
}
