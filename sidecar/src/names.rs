//! Names that injector, watcher and charts share. A test in `tests` holds the charts to them.

/// Prefix of every annotation and label of ours.
pub const PREFIX: &str = "discord-monitoring.io/";

/// Pod annotation (`"true"` or `"false"`) and namespace label (`enabled`) that ask for a watcher.
pub const INJECT: &str = "discord-monitoring.io/inject";
/// Pod annotation: name of the container that is the agent; the first container when absent.
pub const CONTAINER: &str = "discord-monitoring.io/container";
/// Pod annotation: `admit` (default) or `deny`, what happens when the injector itself fails.
pub const ON_ERROR: &str = "discord-monitoring.io/on-error";
/// Pod annotation the injector writes: what it did, as JSON. Output only; never read to decide.
pub const STATUS: &str = "discord-monitoring.io/status";
/// Pod label the injector writes: `"true"`.
pub const INJECTED: &str = "discord-monitoring.io/injected";
/// The annotation keys under [`PREFIX`] that are not settings.
pub const CONTROL_KEYS: &[&str] = &["inject", "container", "on-error", "status", "injected"];

/// Container that follows the transcript.
pub const WATCHER: &str = "discord-watcher";
/// Container that hands input to the agent.
pub const BRIDGE: &str = "discord-bridge";

/// Volume of the watcher's checkpoint and health socket.
pub const STATE_VOLUME: &str = "discord-state";
/// Optional Secret volume with the webhook URL.
pub const WEBHOOK_VOLUME: &str = "discord-webhook";
/// Optional Secret volume with the bot token.
pub const BOT_VOLUME: &str = "discord-bot";
/// Optional ConfigMap volume with further certificate authorities.
pub const CA_VOLUME: &str = "discord-ca";
/// `emptyDir` the injector adds where the agent writes, when no mount of the agent's covers it.
pub const TRANSCRIPT_VOLUME: &str = "discord-transcript";
/// `emptyDir` that agent and bridge share for the FIFO.
pub const BRIDGE_VOLUME: &str = "discord-bridge";

/// Where [`STATE_VOLUME`] is mounted; the default of `STATE_DIR`.
pub const STATE_DIR: &str = "/var/lib/discord-monitoring";
/// Where [`WEBHOOK_VOLUME`] is mounted.
pub const WEBHOOK_DIR: &str = "/etc/discord-monitoring/webhook";
/// Where [`BOT_VOLUME`] is mounted.
pub const BOT_DIR: &str = "/etc/discord-monitoring/bot";
/// Where [`CA_VOLUME`] is mounted.
pub const CA_DIR: &str = "/etc/discord-monitoring/ca";
/// Where [`BRIDGE_VOLUME`] is mounted.
pub const BRIDGE_DIR: &str = "/run/discord-monitoring";
/// The FIFO the bridge makes and the agent opens.
pub const AGENT_STDIN: &str = "/run/discord-monitoring/stdin";
/// The agent's variable with its Pod's uid, which names the Pod's folder in a transcript volume that Pods share.
pub const POD_UID: &str = "DISCORD_POD_UID";
/// Unix socket below `STATE_DIR` on which the watcher answers `/live`, `/ready` and `/metrics`.
pub const HEALTH_SOCKET: &str = "health.sock";

/// The user our images run as, and the last resort for a watcher whose agent's uid nobody names.
pub const DEFAULT_UID: i64 = 65532;
/// Where an agent keeps its configuration when neither Pod nor chart says otherwise.
pub const DEFAULT_CONFIG_DIR: &str = "/home/node/.claude";
