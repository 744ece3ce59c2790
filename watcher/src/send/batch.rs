//! Which posts go into one message.

use super::queue::Waiting;
use discord::{Message, limits};
use std::collections::HashSet;
use std::rc::Rc;

/// What is still free in the message being put together.
#[derive(Debug)]
pub struct Batch<'a> {
    embeds: usize,
    code_points: usize,
    files: usize,
    request_bytes: usize,
    /// Of several embeds with one `url` Discord shows only the first.
    urls: HashSet<&'a str>,
}

impl<'a> Batch<'a> {
    /// How many of the oldest posts make one message of at most `most` embeds; at least one when there is any.
    ///
    /// The second value says whether the message is full: the next post does not fit, or nothing more would.
    pub fn of(posts: impl Iterator<Item = &'a Rc<Waiting>>, most: usize) -> (usize, bool) {
        let mut batch = Self {
            embeds: most.clamp(1, limits::EMBEDS),
            code_points: limits::TOTAL,
            files: limits::FILES,
            // The JSON part, generously: six bytes for an escaped character.
            request_bytes: limits::REQUEST_BYTES - 6 * limits::TOTAL - 64 * 1024,
            urls: HashSet::new(),
        };
        let mut count = 0;
        for post in posts {
            if !batch.fit(post) && count > 0 {
                return (count, true);
            }
            count += 1;
            if batch.embeds == 0 {
                return (count, true);
            }
        }
        (count, false)
    }

    /// Takes the post's share; false when it does not fit.
    fn fit(&mut self, post: &'a Waiting) -> bool {
        let code_points = post.embeds.iter().map(limits::size).sum();
        let bytes = post.files.iter().map(limits::request_bytes).sum();
        let left = (
            self.embeds.checked_sub(post.embeds.len()),
            self.code_points.checked_sub(code_points),
            self.files.checked_sub(post.files.len()),
            self.request_bytes.checked_sub(bytes),
        );
        let (Some(embeds), Some(code_points), Some(files), Some(request_bytes)) = left else {
            // A post that fits no message alone is sent alone, and Discord's refusal is shown in its place.
            self.embeds = 0;
            return false;
        };
        (
            self.embeds,
            self.code_points,
            self.files,
            self.request_bytes,
        ) = (embeds, code_points, files, request_bytes);
        post.embeds
            .iter()
            .filter_map(|embed| embed.url.as_deref())
            .all(|url| self.urls.insert(url))
    }
}

/// The message that shows these posts.
pub fn message<'a>(posts: impl IntoIterator<Item = &'a Rc<Waiting>>) -> Message {
    let mut message = Message::default();
    for post in posts {
        message.embeds.extend(post.embeds.iter().cloned());
        message.files.extend(post.files.iter().cloned());
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use discord::{Embed, File};
    use proptest::prelude::*;
    use std::time::Instant;

    fn post(sizes: &[usize], files: &[usize], url: Option<&str>) -> Rc<Waiting> {
        Rc::new(Waiting {
            embeds: sizes
                .iter()
                .map(|size| Embed {
                    description: Some("ä".repeat(*size)),
                    url: url.map(str::to_owned),
                    ..Embed::default()
                })
                .collect(),
            files: files
                .iter()
                .map(|size| File {
                    name: "f.txt".into(),
                    content: Bytes::from(vec![b'x'; *size]),
                    description: None,
                })
                .collect(),
            written: Instant::now(),
            position: None,
            told: None,
        })
    }

    #[test]
    fn six_thousand_code_points_close_a_message() {
        let posts = [
            post(&[4096], &[], None),
            post(&[1904], &[], None),
            post(&[1], &[], None),
        ];
        assert_eq!(Batch::of(posts.iter(), 10), (2, true));
    }

    #[test]
    fn the_same_url_never_stands_twice() {
        let posts = [
            post(&[1], &[], Some("u")),
            post(&[1], &[], Some("v")),
            post(&[1], &[], Some("u")),
        ];
        assert_eq!(Batch::of(posts.iter(), 10), (2, true));
    }

    #[test]
    fn a_post_that_fits_nowhere_goes_alone() {
        let posts = [post(&[4096, 4096], &[], None), post(&[1], &[], None)];
        assert_eq!(Batch::of(posts.iter(), 10), (1, true));
    }

    proptest! {
        #[test]
        fn every_message_is_legal_and_no_post_is_left_out(
            shapes in prop::collection::vec(
                (prop::collection::vec(1_usize..4096, 1..3), prop::collection::vec(0_usize..6_000_000, 0..3)),
                1..30,
            ),
            most in 1_usize..=10,
        ) {
            let posts: Vec<_> = shapes.iter().map(|(sizes, files)| post(sizes, files, None)).collect();
            let mut rest = posts.as_slice();
            while !rest.is_empty() {
                let (count, _) = Batch::of(rest.iter(), most);
                prop_assert!(count > 0);
                let (now, later) = rest.split_at(count);
                let message = message(now);
                prop_assert!(count == 1 || message.embeds.len() <= most);
                if count > 1 {
                    prop_assert_eq!(message.fault(), None);
                }
                rest = later;
            }
        }
    }
}
