//! p-values of the two-sample Kolmogorov–Smirnov statistic, as `scipy.stats.ks_2samp` computes them.
//!
//! Exact up to 10,000 rows a side (Hodges 1958: lattice paths between two diagonals), else the
//! distribution of the one-sample statistic at the effective size. That one is computed as scipy's
//! `_ksstats.py` does (Simard & L'Ecuyer 2011), with Durbin's matrix in place of Pomeranz's
//! recursion: both are exact.

use statrs::function::gamma::ln_gamma;

/// Up to this size of the larger side the exact distribution is used.
const MOST_EXACT: usize = 10_000;

/// The greatest difference between both distribution functions; both sides are sorted.
pub fn statistic(reference: &[f64], current: &[f64]) -> f64 {
    let (n1, n2) = (reference.len() as f64, current.len() as f64);
    let (mut i, mut j, mut greatest) = (0, 0, 0.0_f64);
    while i < reference.len() && j < current.len() {
        let value = reference[i].min(current[j]);
        while reference.get(i) == Some(&value) {
            i += 1;
        }
        while current.get(j) == Some(&value) {
            j += 1;
        }
        greatest = greatest.max((i as f64 / n1 - j as f64 / n2).abs());
    }
    greatest
}

/// The probability that the statistic of two samples of one distribution is at least `statistic`.
pub fn two_sample(statistic: f64, n1: usize, n2: usize) -> f64 {
    let (larger, smaller) = (n1.max(n2), n1.min(n2));
    let probability = if larger <= MOST_EXACT {
        let divisor = greatest_common_divisor(larger, smaller);
        let multiple = (larger / divisor) as f64 * smaller as f64;
        let height = (statistic * multiple).round() as i64;
        if height == 0 {
            1.0
        } else if n1 == n2 {
            outside_square(n1, height)
        } else {
            outside_strip(larger, smaller, divisor, height)
        }
    } else {
        let (m, n) = (larger as f64, smaller as f64);
        // numpy rounds halves to even.
        one_sample((m * n / (m + n)).round_ties_even() as usize, statistic)
    };
    probability.clamp(0.0, 1.0)
}

fn greatest_common_divisor(mut a: usize, mut b: usize) -> usize {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Share of paths over a square of side `n` that leave the strip of half-width `height`.
fn outside_square(n: usize, height: i64) -> f64 {
    let (n, height) = (n as f64, height as f64);
    let mut probability = 0.0;
    let mut k = (n / height).floor();
    while k >= 0.0 {
        let mut product = 1.0;
        let mut j = 0.0;
        while j < height {
            product = (n - k * height - j) * product / (n + k * height + j + 1.0);
            j += 1.0;
        }
        probability = product * (1.0 - probability);
        k -= 1.0;
    }
    2.0 * probability
}

/// Share of paths from (0, 0) to (m, n), m > n, that leave the strip `|x/m - y/n| < height/lcm`.
fn outside_strip(m: usize, n: usize, divisor: usize, height: i64) -> f64 {
    let (mg, ng) = ((m / divisor) as i64, (n / divisor) as i64);
    let (m, n) = (m as i64, n as i64);
    let ceiling = |a: i64, b: i64| (a + b - 1).div_euclid(b);
    let (mut from, mut to) = (0_i64, ceiling(height, mg).min(n + 1));
    let mut length = to - from;
    let room = (2 * to + 2).min(n + 1) as usize;
    // The share of paths to (i, j) that have left the strip, for one column i and the js inside it.
    let mut column = vec![1.0_f64; room];
    column[..to as usize].fill(0.0);
    for i in 1..=m {
        let (last_from, last_length) = (from, length);
        from = ((ng * i - height).div_euclid(mg) + 1).max(0).min(n);
        to = ceiling(ng * i + height, mg).min(n + 1);
        if to <= from {
            return 1.0;
        }
        let mut value = if from == 0 { 0.0 } else { 1.0 };
        for cell in 0..(to - from) as usize {
            let j = cell as i64 + from;
            value = (column[cell + (from - last_from) as usize] * i as f64 + value * j as f64) / (i + j) as f64;
            column[cell] = value;
        }
        length = to - from;
        if last_length > length {
            column[length as usize..last_length as usize].fill(1.0);
        }
    }
    column[length as usize - 1]
}

/// The probability that the one-sample statistic of `n` rows is at least `x`; `scipy.stats.kstwo.sf`.
pub fn one_sample(n: usize, x: f64) -> f64 {
    let rows = n as f64;
    let t = rows * x;
    if x >= 1.0 {
        return 0.0;
    }
    if t <= 0.5 {
        return 1.0;
    }
    let square = t * x;
    if t <= 1.0 {
        let log = ln_gamma(rows + 1.0) - rows * rows.ln() + rows * (2.0 * t - 1.0).ln();
        return 1.0 - log.exp();
    }
    if t >= rows - 1.0 {
        return 2.0 * (1.0 - x).powf(rows);
    }
    if square >= 370.0 {
        return 0.0;
    }
    if x >= 0.5 || square >= if n <= 140 { 4.0 } else { 2.2 } {
        return 2.0 * smirnov(n, x);
    }
    let below = if n <= 140 || (n <= 100_000 && rows * x.powf(1.5) <= 1.4) { durbin(n, x) } else { pelz_good(n, x) };
    (1.0 - below).clamp(0.0, 1.0)
}

/// Tail of the one-sided statistic (Smirnov's sum); `scipy.special.smirnov`.
fn smirnov(n: usize, x: f64) -> f64 {
    let rows = n as f64;
    let whole = ln_gamma(rows + 1.0);
    let last = (rows * (1.0 - x)).floor() as usize;
    let mut sum = 0.0;
    for j in 0..=last {
        let j = j as f64;
        let rest = 1.0 - x - j / rows;
        if rest <= 0.0 {
            continue;
        }
        let log = whole - ln_gamma(j + 1.0) - ln_gamma(rows - j + 1.0)
            + (j - 1.0) * (x + j / rows).ln()
            + (rows - j) * rest.ln();
        sum += log.exp();
    }
    (x * sum).clamp(0.0, 1.0)
}

/// 2^128, by which intermediate powers are scaled.
const SCALE: f64 = 340_282_366_920_938_463_463_374_607_431_768_211_456.0;

/// Durbin's matrix after Marsaglia, Tsang & Wang (2003): the probability below `x`.
fn durbin(n: usize, x: f64) -> f64 {
    let nd = n as f64 * x;
    let k = nd.ceil() as usize;
    let h = k as f64 - nd;
    let size = 2 * k - 1;
    let mut factorials = vec![1.0; size + 1];
    for j in 1..=size {
        factorials[j] = factorials[j - 1] / j as f64;
    }
    let mut matrix = vec![0.0; size * size];
    for row in 0..size {
        for column in 0..size {
            if row + 1 >= column {
                matrix[row * size + column] = factorials[row + 1 - column];
            }
        }
    }
    let mut edge: Vec<f64> = (1..=size).map(|j| (1.0 - h.powi(j as i32)) * factorials[j]).collect();
    let corner = (2.0 * h - 1.0).max(0.0).powi(size as i32) - 2.0 * h.powi(size as i32);
    edge[size - 1] = (1.0 + corner) * factorials[size];
    for (row, value) in edge.iter().enumerate() {
        matrix[row * size] = *value;
        matrix[(size - 1) * size + size - 1 - row] = *value;
    }
    let mut power: Vec<f64> = (0..size * size).map(|at| f64::from(u8::from(at % (size + 1) == 0))).collect();
    let (mut left, mut exponent, mut matrix_exponent) = (n, 0_i32, 0_i32);
    while left > 0 {
        if left % 2 == 1 {
            power = product(&power, &matrix, size);
            exponent += matrix_exponent;
        }
        matrix = product(&matrix, &matrix, size);
        matrix_exponent *= 2;
        if matrix[(k - 1) * size + k - 1].abs() > SCALE {
            matrix.iter_mut().for_each(|value| *value /= SCALE);
            matrix_exponent += 128;
        }
        left /= 2;
    }
    let mut probability = power[(k - 1) * size + k - 1];
    for i in 1..=n {
        probability *= i as f64 / n as f64;
        if probability.abs() < 1.0 / SCALE {
            probability *= SCALE;
            exponent -= 128;
        }
    }
    probability * 2.0_f64.powi(exponent)
}

fn product(a: &[f64], b: &[f64], size: usize) -> Vec<f64> {
    let mut result = vec![0.0; size * size];
    for row in 0..size {
        for inner in 0..size {
            let factor = a[row * size + inner];
            for column in 0..size {
                result[row * size + column] += factor * b[inner * size + column];
            }
        }
    }
    result
}

/// Pelz & Good's (1976) series for large `n`: the probability below `x`.
fn pelz_good(n: usize, x: f64) -> f64 {
    use std::f64::consts::PI;
    let z = (n as f64).sqrt() * x;
    let (pi2, pi4, pi6) = (PI.powi(2), PI.powi(4), PI.powi(6));
    let (z2, z3, z4, z6) = (z.powi(2), z.powi(3), z.powi(4), z.powi(6));
    let log = -pi2 / 8.0 / z2;
    if log < -708.0 {
        return 0.0;
    }
    let q = log.exp();
    let last = (16.0 * z / PI).ceil() as i32;
    let mut sums = [0.0; 4];
    for k in (1..=last).rev() {
        let m2 = f64::from(2 * k - 1).powi(2);
        let (m4, m6) = (m2 * m2, m2 * m2 * m2);
        let terms = [
            1.0,
            -z2 + pi2 / 4.0 * m2,
            6.0 * z6 + 2.0 * z4 + (2.0 * z4 - 5.0 * z2) * pi2 / 4.0 * m2 + pi4 * (1.0 - 2.0 * z2) / 16.0 * m4,
            -30.0 * z6 - 90.0 * z.powi(8)
                + pi2 * (135.0 * z4 - 96.0 * z6) / 4.0 * m2
                + pi4 * (-60.0 * z2 + 212.0 * z4) / 16.0 * m4
                + pi6 * (5.0 - 30.0 * z2) / 64.0 * m6,
        ];
        let power = q.powi(8 * k);
        for (sum, term) in sums.iter_mut().zip(terms) {
            *sum = *sum * power + term;
        }
    }
    let root = (2.0 * PI).sqrt();
    for (sum, divisor) in sums.iter_mut().zip([z, 6.0 * z4, 72.0 * z.powi(7), 6480.0 * z.powi(10)]) {
        *sum *= q * root / divisor;
    }
    let q = (-pi2 / 2.0 / z2).exp();
    for k in (1..=last).map(f64::from) {
        let weight = k * k * q.powf(k * k);
        sums[2] += weight * pi2 * root / (-36.0 * z3);
        sums[3] += (3.0 * z2 - pi2 * k * k) * weight * pi2 * root / (216.0 * z6);
    }
    let n = n as f64;
    sums[0] + sums[1] / n.sqrt() + sums[2] / n + sums[3] / n.powf(1.5)
}
