//! The colours of exported drawings are those of the window, and every theme can be read.

use charts::{export, role::Role};

const TOKENS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/src/style/tokens.css"));

fn block(selector: &str) -> &'static str {
    let start = TOKENS.find(selector).unwrap();
    let from = &TOKENS[start..];
    &from[..from.find('}').unwrap()]
}

fn token(block: &str, name: &str) -> String {
    let from = block.split(&format!("--{name}: ")).nth(1).unwrap_or_else(|| panic!("no --{name}"));
    from.split(';').next().unwrap().to_owned()
}

#[test]
fn exported_colours_are_the_windows() {
    for (theme, selector) in [(export::DARK, "[data-theme=dark] {"), (export::LIGHT, "[data-theme=light] {")] {
        let block = block(selector);
        for role in Role::all() {
            assert_eq!(theme.colour(&role.token()), token(block, &role.token()), "{} of {}", role.token(), theme.name);
        }
    }
}

/// Relative luminance and contrast as WCAG 2.2 has them.
fn luminance(hex: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(left: &str, right: &str) -> f64 {
    let (left, right) = (luminance(left), luminance(right));
    (left.max(right) + 0.05) / (left.min(right) + 0.05)
}

#[test]
fn text_and_marks_stand_out_in_both_themes() {
    for selector in ["[data-theme=dark] {", "[data-theme=light] {"] {
        let block = block(selector);
        for ground in ["surface-0", "surface-1", "surface-2"] {
            let ground = token(block, ground);
            for text in ["text", "text-muted", "text-faint", "good", "warn", "bad", "info", "accent"] {
                let found = contrast(&token(block, text), &ground);
                assert!(found >= 4.5, "--{text} on {ground} in {selector} has {found:.2}");
            }
            for mark in 1..=8 {
                let found = contrast(&token(block, &format!("chart-{mark}")), &ground);
                assert!(found >= 3.0, "--chart-{mark} on {ground} in {selector} has {found:.2}");
            }
        }
        // Cells over their limit are marks on a card.
        for step in 2..=4 {
            let found = contrast(&token(block, &format!("heat-{step}")), &token(block, "surface-1"));
            assert!(found >= 3.0, "--heat-{step} in {selector} has {found:.2}");
        }
        assert!(contrast(&token(block, "accent-text"), &token(block, "accent")) >= 4.5);
    }
}

#[test]
fn the_sequential_scale_is_ordered_by_lightness_and_seen_in_both_themes() {
    for (selector, rises) in [("[data-theme=dark] {", true), ("[data-theme=light] {", false)] {
        let block = block(selector);
        let steps: Vec<String> = (0..charts::role::RAMP).map(|step| token(block, &format!("ramp-{step}"))).collect();
        for ground in ["surface-0", "surface-1", "surface-2"] {
            for step in &steps {
                assert!(contrast(step, &token(block, ground)) >= 3.0, "{step} on --{ground} in {selector}");
            }
        }
        for pair in steps.windows(2) {
            assert_eq!(luminance(&pair[0]) < luminance(&pair[1]), rises, "{pair:?} in {selector}");
            assert!(contrast(&pair[0], &pair[1]) >= 1.1, "{pair:?} in {selector}");
        }
    }
}
