//! Colours and icons: one table for all posts.

/// How a post looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    /// In front of the title.
    pub(super) icon: &'static str,
    /// `0xRRGGBB`.
    pub(super) color: u32,
}

const fn style(icon: &'static str, color: u32) -> Style {
    Style { icon, color }
}

/// Something failed.
pub(super) const RED: u32 = 0x00ED_4245;
/// Something succeeded.
pub(super) const GREEN: u32 = 0x0057_F287;
const BLUE: u32 = 0x0034_98DB;
const PURPLE: u32 = 0x009B_59B6;
const ORANGE: u32 = 0x00E6_7E22;
const YELLOW: u32 = 0x00FE_E75C;
/// Something is not as it should be, and nothing of it failed.
const AMBER: u32 = 0x00F0_B132;
const TEAL: u32 = 0x001A_BC9C;
const GREY: u32 = 0x0095_A5A6;
const BLURPLE: u32 = 0x0058_65F2;

pub(super) const PROMPT: Style = style("💬", BLURPLE);
pub(super) const SAID: Style = style("🤖", PURPLE);
pub(super) const THOUGHT: Style = style("💭", GREY);
pub(super) const COMMAND: Style = style("⌨️", GREY);
pub(super) const ERROR: Style = style("🔴", RED);
pub(super) const RETRY: Style = style("🔁", YELLOW);
pub(super) const INTERRUPTED: Style = style("✋", ORANGE);
pub(super) const COMPACTED: Style = style("🗜️", GREY);
pub(super) const PULL_REQUEST: Style = style("🔀", GREEN);
pub(super) const BACKGROUND: Style = style("🌙", TEAL);
pub(super) const HOOK: Style = style("🪝", ORANGE);
pub(super) const NOTICE: Style = style("ℹ️", GREY);
pub(super) const BEGAN: Style = style("▶️", BLUE);
pub(super) const DONE: Style = style("✅", GREEN);
pub(super) const FAILED: Style = style("❌", RED);
pub(super) const STOPPED: Style = style("⏹️", AMBER);
pub(super) const INCOMPLETE: Style = style("⚠️", AMBER);

/// The look of a tool's call.
pub(super) fn tool(name: &str) -> Style {
    match name {
        "Bash" | "PowerShell" | "BashOutput" | "KillShell" => style("💻", BLUE),
        "Edit" | "MultiEdit" => style("✏️", ORANGE),
        "Write" => style("📝", GREEN),
        "NotebookEdit" => style("📓", ORANGE),
        "Read" | "NotebookRead" | "LS" => style("📖", GREY),
        "Grep" | "Glob" | "ToolSearch" | "LSP" => style("🔍", GREY),
        "WebSearch" | "WebFetch" => style("🌐", TEAL),
        "Task" | "Agent" => style("🧑‍🚀", PURPLE),
        "TodoWrite" | "TaskCreate" | "TaskUpdate" | "TaskGet" | "TaskList" => style("📋", TEAL),
        "TaskOutput" | "TaskStop" => BACKGROUND,
        "AskUserQuestion" => style("❓", YELLOW),
        "ExitPlanMode" | "EnterPlanMode" => style("🗺️", YELLOW),
        "Skill" | "SlashCommand" => style("🎓", TEAL),
        _ if name.starts_with("mcp__") => style("🔌", TEAL),
        _ => style("🔧", GREY),
    }
}

/// The language of a file's code block, by its extension; empty when not known.
pub(super) fn language(path: &str) -> &'static str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    match name
        .rsplit_once('.')
        .map_or(name, |(_, extension)| extension)
    {
        "rs" => "rust",
        "py" => "python",
        "js" | "mjs" | "cjs" | "jsx" => "js",
        "ts" | "tsx" => "ts",
        "go" => "go",
        "java" => "java",
        "rb" => "ruby",
        "sh" | "bash" => "bash",
        "json" => "json",
        "yaml" | "yml" => "yaml",
        "toml" => "toml",
        "md" => "md",
        "html" => "html",
        "css" => "css",
        "sql" => "sql",
        "c" | "h" => "c",
        "cpp" | "cc" | "hpp" => "cpp",
        "ex" | "exs" => "elixir",
        "Dockerfile" => "dockerfile",
        _ => "",
    }
}
