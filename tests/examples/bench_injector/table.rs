//! What is printed: a line a figure, medians of the rounds with the lowest and the highest, ratios to the floor; and at the
//! end what was to be reached, and whether it was.

use std::process::ExitCode;
use std::sync::Mutex;

/// Values of one figure for one contender, a round each.
#[derive(Default, Clone)]
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_unstable_by(f64::total_cmp);
    }

    pub(crate) fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }

    fn shown(&self) -> String {
        let (low, high) = (self.0[0], self.0[self.0.len() - 1]);
        format!("{:.1} ({low:.1}..{high:.1})", self.median())
    }
}

/// Contenders by name, each with its rounds; the first is the floor.
pub(crate) type Row = Vec<(String, Rounds)>;

/// Adds one value.
pub(crate) fn add(row: &mut Row, name: &str, value: f64) {
    if let Some((_, rounds)) = row.iter_mut().find(|(known, _)| known == name) {
        rounds.add(value);
    } else {
        let mut rounds = Rounds::default();
        rounds.add(value);
        row.push((name.to_owned(), rounds));
    }
}

/// What was to be reached, what was measured, and whether the one is the other.
struct Verdict {
    figure: String,
    goal: String,
    measured: String,
    reached: bool,
}

static VERDICTS: Mutex<Vec<Verdict>> = Mutex::new(Vec::new());

/// Holds a figure against its goal: less than `limit`, or so much and no more.
pub(crate) fn judge(figure: &str, goal: &str, measured: f64, limit: f64) {
    VERDICTS.lock().unwrap().push(Verdict {
        figure: figure.to_owned(),
        goal: goal.to_owned(),
        measured: format!("{measured:.2}"),
        reached: measured <= limit,
    });
}

/// The median of ours against so many times the floor's.
pub(crate) fn judge_beside(figure: &str, row: &Row, times: f64) {
    let ratio = ours(row) / row[0].1.median();
    judge(figure, &format!("{times:.0} x the floor"), ratio, times);
}

/// The median of ours.
pub(crate) fn ours(row: &Row) -> f64 {
    let found = row.iter().find(|(name, _)| name == "injector");
    found.map_or(f64::NAN, |(_, rounds)| rounds.median())
}

/// Prints every goal with what was measured; a failure when one was missed.
pub(crate) fn conclude() -> ExitCode {
    let verdicts = VERDICTS.lock().unwrap();
    println!(
        "\n{:<40} {:>16} {:>10}",
        "figure", "goal, at most", "measured"
    );
    for one in verdicts.iter() {
        let reached = if one.reached { "reached" } else { "MISSED" };
        println!(
            "{:<40} {:>16} {:>10} {reached}",
            one.figure, one.goal, one.measured
        );
    }
    if verdicts.iter().all(|one| one.reached) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A figure beside the floor's.
pub(crate) fn print(figure: &str, row: &Row) {
    let floor = row[0].1.median();
    let contenders: Vec<String> = row
        .iter()
        .map(|(name, rounds)| {
            let ratio = rounds.median() / floor;
            let beside = if name == &row[0].0 {
                String::new()
            } else {
                format!(" = {ratio:.2} x")
            };
            format!("{name} {}{beside}", rounds.shown())
        })
        .collect();
    println!("{figure:<34} {}", contenders.join(", "));
}

/// A figure that stands alone.
pub(crate) fn alone(figure: &str, value: &str) {
    println!("{figure:<34} {value}");
}
