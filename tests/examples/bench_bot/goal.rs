//! What was wanted, what was measured, and whether that is enough.

/// A bound and its unit.
pub struct Goal {
    pub what: &'static str,
    pub most: f64,
    pub unit: &'static str,
}

impl Goal {
    /// Says how it went; whether the goal was reached.
    pub fn judge(&self, measured: f64) -> bool {
        let reached = measured <= self.most;
        println!(
            "  {}: goal at most {} {unit}, measured {measured:.2} {unit}: {}",
            self.what,
            self.most,
            if reached { "reached" } else { "MISSED" },
            unit = self.unit,
        );
        reached
    }
}
