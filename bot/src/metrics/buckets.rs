//! Discord's rate limits as they stand at the moment of a scrape: the client knows them, nothing here counts.

use discord::{Bot, Buckets};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt::Error;
use std::sync::Arc;

/// What one gauge shows of a route.
type Figure = fn(&Buckets) -> u64;

#[derive(Debug)]
struct OfRoutes(Arc<Bot>);

/// Shows the buckets of this client from now on.
pub(super) fn register(registry: &mut Registry, bot: Arc<Bot>) {
    registry.register_collector(Box::new(OfRoutes(bot)));
}

impl Collector for OfRoutes {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), Error> {
        let routes = self.0.client().buckets();
        let all: [(&str, &str, Figure); 3] = [
            (
                "discord_buckets",
                "Rate limits of Discord's whose window runs",
                |one| one.open as u64,
            ),
            (
                "discord_buckets_empty",
                "Of these, the ones that calls wait for",
                |one| one.empty as u64,
            ),
            (
                "discord_bucket_remaining",
                "Calls left in the bucket that has the fewest",
                |one| one.least,
            ),
        ];
        for (name, help, figure) in all {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for one in &routes {
                let gauge = i64::try_from(figure(one)).unwrap_or(i64::MAX);
                family
                    .encode_family(&[("route", one.route)])?
                    .encode_gauge(&gauge)?;
            }
        }
        Ok(())
    }
}
