//! The examples ask in words the injector knows.

use crate::support::{documents, repository};
use sidecar::names;

#[test]
fn every_annotation_of_an_example_is_known_and_legal() {
    let mut seen = 0;
    for file in ["job.yaml", "namespace.yaml", "deployment.yaml"] {
        let text = std::fs::read_to_string(repository().join("examples").join(file)).unwrap();
        for object in documents(&text) {
            let template = object.pointer("/spec/template").unwrap_or(&object);
            for (key, value) in template["metadata"]["annotations"]
                .as_object()
                .into_iter()
                .flatten()
            {
                let name = key
                    .strip_prefix(names::PREFIX)
                    .unwrap_or_else(|| panic!("{file}: {key}"));
                seen += 1;
                if names::CONTROL_KEYS.contains(&name) {
                    continue;
                }
                let setting =
                    sidecar::find(name).unwrap_or_else(|| panic!("{file}: {key} is no setting"));
                assert!(setting.per_pod, "{file}: {key} is not for annotations");
                sidecar::parse(setting, value.as_str().unwrap()).unwrap();
            }
        }
    }
    assert!(seen >= 6, "{seen} annotations");
}
