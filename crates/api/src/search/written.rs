//! A hyperparameter in one line: `64,128,256`, or `min..max` with `:log`, `:int` and `:step=N` behind it.

use std::{fmt, str::FromStr};

use super::{Value, Written};

impl FromStr for Written {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.trim().split(':');
        let domain = parts.next().unwrap_or_default();
        let Some((min, max)) = domain.split_once("..") else {
            return Ok(Self { values: Some(text.split(',').map(value).collect()), ..Self::default() });
        };
        let mut written = Self { min: Some(number(min)?), max: Some(number(max)?), ..Self::default() };
        for part in parts {
            match (part.trim(), part.split_once('=')) {
                ("log", _) => written.log = true,
                ("int", _) => written.int = true,
                (_, Some(("step", step))) => written.step = Some(number(step)?),
                (other, _) => return Err(format!("\"{other}\" is none of log, int and step=N")),
            }
        }
        Ok(written)
    }
}

fn number(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("\"{text}\" is not a finite number"))
}

fn value(text: &str) -> Value {
    let text = text.trim();
    match (text.parse(), text.parse(), text.parse()) {
        (Ok(whole), ..) => Value::Integer(whole),
        (_, Ok(number), _) => Value::Number(number),
        (.., Ok(yes)) => Value::Bool(yes),
        _ => Value::Text(text.to_owned()),
    }
}

impl fmt::Display for Written {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(values) = &self.values {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            return formatter.write_str(&values.join(","));
        }
        let end = |end: Option<f64>| end.map_or_else(String::new, |end| end.to_string());
        write!(formatter, "{}..{}", end(self.min), end(self.max))?;
        for (is, word) in [(self.log, ":log"), (self.int, ":int")] {
            formatter.write_str(if is { word } else { "" })?;
        }
        self.step.map_or(Ok(()), |step| write!(formatter, ":step={step}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let range = Written { min: Some(1e-4), max: Some(0.1), log: true, ..Written::default() };
        assert_eq!("1e-4..0.1:log".parse(), Ok(range));
        let steps = Written { min: Some(2.0), max: Some(8.0), int: true, step: Some(2.0), ..Written::default() };
        assert_eq!("2..8:int:step=2".parse(), Ok(steps));
        let values = vec![Value::Text("trees".to_owned()), Value::Integer(3), Value::Number(0.5), Value::Bool(true)];
        assert_eq!("trees, 3,0.5,true".parse::<Written>().unwrap().values, Some(values));
        for text in ["0.0001..0.1:log", "2..8:int:step=2", "trees,3,0.5,true", "-1..1"] {
            assert_eq!(text.parse::<Written>().unwrap().to_string(), text);
        }
        for wrong in ["a..2", "1..inf", "1..2:lag"] {
            assert!(wrong.parse::<Written>().is_err(), "{wrong}");
        }
    }
}
