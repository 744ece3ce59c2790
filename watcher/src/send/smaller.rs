//! What stands for a post that Discord refused: a smaller message with the reason, and a stub should that be refused too.

use discord::{Embed, Error, Message, limits};

/// Colour of what stands for a refused message.
const AMBER: u32 = 0x00F0_B132;
/// Code points of a refused post that are still shown.
const EXCERPT: usize = 1000;

/// The messages to try in place of a post of these embeds, in this order.
pub fn in_place_of(embeds: &[Embed], refused: &Error) -> [Message; 2] {
    [smaller(embeds, refused), stub(refused)]
}

fn smaller(embeds: &[Embed], refused: &Error) -> Message {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_owned();
    let title = embeds
        .first()
        .map(|embed| text(&embed.title))
        .unwrap_or_default();
    let body: String = embeds
        .iter()
        .map(|embed| text(&embed.description))
        .collect();
    // Fences and markdown may be what is wrong, and a cut fence swallows the rest of the message.
    let plain: String = format!("{title}\n{body}")
        .chars()
        .filter(|letter| *letter == '\n' || !letter.is_control())
        .map(|letter| if letter == '`' { '\'' } else { letter })
        .collect();
    let mut description = format!("{refused}\n");
    let excerpt = limits::cut(plain.trim(), EXCERPT);
    if !excerpt.is_empty() {
        description = format!("{description}```\n{excerpt}\n```");
    }
    Message {
        embeds: vec![Embed {
            title: Some("Shown in part: Discord refused the full post".to_owned()),
            description: Some(description),
            color: Some(AMBER),
            ..Embed::default()
        }],
        ..Message::default()
    }
}

fn stub(refused: &Error) -> Message {
    let reason: String = refused
        .to_string()
        .chars()
        .filter(|letter| !letter.is_control())
        .collect();
    let content = format!("One event could not be shown. {reason}");
    Message {
        content: Some(limits::cut(&content, limits::CONTENT).into_owned()),
        ..Message::default()
    }
}
