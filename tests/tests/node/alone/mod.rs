//! Tests that change the installation, or count what it is asked by all: nothing else runs beside them, see
//! [`crate::support::cluster::exclusive`].
//!
//! Tests begin in the order of their names. These stand together at the front, so that the others, which wait more than they
//! work, run side by side without a pause; within them those under load are last, for they want another installation than all.

mod dry_run;
mod no_injector;
mod opt_in;
mod quiet;
mod repair;
mod same_values;
mod second_mutator;
mod soak;
mod under_load;
