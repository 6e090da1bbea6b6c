//! Asynchronous successive halving, by the example of its paper (Li et al. 2020, table 1: r = 1, R = 9, η = 3).

use tune::{
    asha::{Asha, AshaError, Decision, Report, Rungs},
    trial::Direction,
};

const PAPER: Asha =
    Asha { direction: Direction::Min, min_resource: 1, max_resource: 9, reduction_factor: 3, early_stopping_rate: 0 };

fn report(rungs: &mut Rungs, trial: u64, step: i64, value: f64) -> Decision {
    rungs.report(Report { trial, step, value })
}

#[test]
fn rungs_are_those_of_the_paper() {
    // Bracket s starts at r·η^s; at R nothing is left to decide.
    assert_eq!(PAPER.rungs().unwrap(), [1, 3]);
    assert_eq!(Asha { early_stopping_rate: 1, ..PAPER }.rungs().unwrap(), [3]);
    let none = Asha { early_stopping_rate: 2, ..PAPER }.rungs();
    assert_eq!(none, Err(AshaError::NoRung { first: 9, max: 9 }));
    assert_eq!(Asha { min_resource: 0, ..PAPER }.rungs(), Err(AshaError::NoResource));
    assert_eq!(Asha { reduction_factor: 1, ..PAPER }.rungs(), Err(AshaError::Reduction));
    let wide = Asha { max_resource: u64::MAX, ..PAPER };
    assert_eq!(wide.rungs().unwrap().len(), 41);
    assert!(matches!(Asha { early_stopping_rate: 999, ..PAPER }.rungs(), Err(AshaError::NoRung { .. })));
}

#[test]
fn nine_trials_thin_out_as_in_the_paper() {
    // 9 configurations at resource 1, the worst first, so that each is the best so far: none is stopped in vain.
    let mut rungs = PAPER.start().unwrap();
    for trial in 0..9 {
        assert_eq!(report(&mut rungs, trial, 1, 9.0 - trial as f64), Decision::Continue);
    }
    // The best first: 3 of 9 go on to resource 3, 1 of 3 to resource 9, as in bracket 0.
    let mut rungs = PAPER.start().unwrap();
    let order = [4.0, 1.0, 7.0, 2.0, 8.0, 3.0, 9.0, 5.0, 6.0];
    let going: Vec<u64> =
        (0..9).filter(|&trial| report(&mut rungs, trial, 1, order[trial as usize]) == Decision::Continue).collect();
    // Trial 0 was the best of one and trial 1 of two; trial 5 is within the best 2 of 6 no more.
    assert_eq!(going, [0, 1]);
    assert_eq!(report(&mut rungs, 0, 3, 4.0), Decision::Continue);
    assert_eq!(report(&mut rungs, 1, 3, 1.0), Decision::Continue);
    assert_eq!(report(&mut rungs, 1, 8, 0.9), Decision::Continue);
    assert_eq!(report(&mut rungs, 1, 9, 0.9), Decision::Complete);
}

#[test]
fn one_of_three_goes_on() {
    for (direction, sign) in [(Direction::Min, 1.0), (Direction::Max, -1.0)] {
        let mut rungs = Asha { direction, ..PAPER }.start().unwrap();
        for trial in 0..6 {
            report(&mut rungs, trial, 1, sign * trial as f64);
        }
        // The best ⌊7/3⌋ = 2 of 0 to 5 and this one are 0 and 1, equal ones included.
        assert_eq!(report(&mut rungs, 10, 1, sign * 1.5), Decision::Stop);
        assert_eq!((rungs.stopped_at(10), rungs.stopped_at(0)), (Some(1), None));
        assert_eq!(report(&mut rungs, 11, 1, sign * 1.0), Decision::Continue);
        assert_eq!(report(&mut rungs, 12, 1, sign * f64::INFINITY), Decision::Stop);
        assert_eq!(report(&mut rungs, 13, 1, sign * f64::NEG_INFINITY), Decision::Continue);
    }
}

#[test]
fn a_trial_is_compared_once_a_rung_and_at_each_that_it_passed() {
    let mut rungs = PAPER.start().unwrap();
    assert_eq!(report(&mut rungs, 0, 0, 5.0), Decision::Continue);
    assert_eq!(report(&mut rungs, 0, -1, 5.0), Decision::Continue);
    assert_eq!(report(&mut rungs, 0, 1, 1.0), Decision::Continue);
    // Worse now, but the first rung is behind it.
    assert_eq!(report(&mut rungs, 0, 2, 9.0), Decision::Continue);
    assert_eq!(report(&mut rungs, 0, 4, 2.0), Decision::Continue);
    // From the start beyond both rungs, and better than trial 0 at the first, but not at the second.
    assert_eq!(report(&mut rungs, 1, 5, 0.5), Decision::Continue);
    let mut late = PAPER.start().unwrap();
    report(&mut late, 0, 1, 3.0);
    report(&mut late, 0, 3, 0.1);
    assert_eq!(report(&mut late, 1, 5, 0.5), Decision::Stop);
    assert_eq!(report(&mut late, 1, 6, 0.0), Decision::Stop);
}

#[test]
fn what_is_not_a_number_stops_at_any_step_and_counts_at_no_rung() {
    let mut rungs = PAPER.start().unwrap();
    assert_eq!(report(&mut rungs, 0, 0, f64::NAN), Decision::Stop);
    assert_eq!(report(&mut rungs, 0, 1, 0.0), Decision::Stop);
    assert_eq!(report(&mut rungs, 1, 1, 5.0), Decision::Continue);
    assert_eq!(report(&mut rungs, 2, 9, f64::NAN), Decision::Stop);
}

#[test]
fn the_same_reports_decide_the_same() {
    let reports: Vec<Report> = (0..200u64)
        .map(|at| Report { trial: at % 40, step: (at / 40 * 2) as i64, value: ((at * 7919) % 101) as f64 })
        .collect();
    let mut whole = PAPER.start().unwrap();
    let decisions: Vec<Decision> = reports.iter().map(|report| whole.report(*report)).collect();
    let mut again = PAPER.start().unwrap();
    for report in &reports[..120] {
        again.report(*report);
    }
    let rest: Vec<Decision> = reports[120..].iter().map(|report| again.report(*report)).collect();
    assert_eq!(rest, decisions[120..]);
    assert!(decisions.contains(&Decision::Stop) && decisions.contains(&Decision::Continue));
}

#[test]
fn a_trial_that_is_forgotten_counts_at_no_rung() {
    let mut rungs = PAPER.start().unwrap();
    report(&mut rungs, 0, 1, 1.0);
    assert_eq!(report(&mut rungs, 1, 1, 2.0), Decision::Stop);
    let mut rungs = PAPER.start().unwrap();
    report(&mut rungs, 0, 1, 1.0);
    rungs.forget(0);
    assert_eq!(report(&mut rungs, 1, 1, 2.0), Decision::Continue);
    // Its values again, as another trial or as itself, count once.
    for value in [5.0, 1.0] {
        rungs.forget(1);
        assert_eq!(report(&mut rungs, 1, 1, value), Decision::Continue);
    }
    let mut anew = PAPER.start().unwrap();
    report(&mut anew, 1, 1, 1.0);
    assert_eq!(rungs, anew);
}
