//! What was wanted, what was measured, and whether that is enough.

/// A bound and its unit.
pub(crate) struct Goal {
    pub(crate) what: &'static str,
    pub(crate) most: f64,
    pub(crate) unit: &'static str,
}

impl Goal {
    /// Says how it went; whether the goal was reached.
    pub(crate) fn judge(&self, measured: f64) -> bool {
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
