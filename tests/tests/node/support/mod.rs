//! What the tests on a node share.

pub(crate) mod agent;
pub(crate) mod bot;
pub(crate) mod cluster;
pub(crate) mod double;
pub(crate) mod injector;
pub(crate) mod node_shell;
pub(crate) mod wait;
pub(crate) mod world;

pub(crate) use agent::Agent;
pub(crate) use wait::eventually;
pub(crate) use world::with_world;
