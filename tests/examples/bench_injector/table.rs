//! What is printed: a line a figure, medians of the rounds with the lowest and the highest, ratios to the floor, and goals.

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

/// A figure beside the floor's.
pub(crate) fn print(figure: &str, row: &Row, goal: &str) {
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
    println!("{figure:<34} {}; {goal}", contenders.join(", "));
}

/// A figure that stands alone.
pub(crate) fn alone(figure: &str, value: &str, goal: &str) {
    println!("{figure:<34} {value}; {goal}");
}
