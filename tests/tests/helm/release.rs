//! What a release is made of: charts that install the images pushed beside them, and a list of what is in each image.

use crate::support::{copy_folder, documents, repository, run, tool, yaml};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const RELEASED: [&str; 3] = ["bot-service", "discord-monitoring", "watcher-sidecar"];

/// What `release.sh` needs to pack charts, in a folder where it may write.
fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("hack")).unwrap();
    for file in ["hack/release.sh", "hack/lib.sh", "Cargo.toml"] {
        std::fs::copy(repository().join(file), here.join(file)).unwrap();
    }
    copy_folder(&repository().join("charts"), &here.join("charts"));
    let tools = repository().canonicalize().unwrap().join(".tools");
    std::os::unix::fs::symlink(tools, here.join(".tools")).unwrap();
    folder
}

fn package(workspace: &Path, env: &[(&str, &str)]) -> crate::support::Outcome {
    let mut command = Command::new(workspace.join("hack/release.sh"));
    command.arg("package");
    for name in ["GITHUB_REF_TYPE", "GITHUB_REF_NAME", "REGISTRY"] {
        command.env_remove(name);
    }
    run(command.envs(env.iter().copied()))
}

fn version() -> String {
    let about = yaml("charts/discord-monitoring/Chart.yaml");
    about["appVersion"].as_str().unwrap().to_owned()
}

#[test]
fn charts_are_packed_on_a_branch_and_on_the_tag_of_their_version_alone() {
    let workspace = workspace();
    let tag = format!("v{}", version());
    for (kind, name) in [("branch", "main"), ("branch", "12/merge"), ("tag", &tag)] {
        let env = [("GITHUB_REF_TYPE", kind), ("GITHUB_REF_NAME", name)];
        let made = package(workspace.path(), &env);
        assert!(made.ok, "{kind} {name}: {}{}", made.stdout, made.stderr);
        for chart in RELEASED {
            let archive = format!(".cache/charts/{chart}-{}.tgz", version());
            assert!(workspace.path().join(archive).exists(), "{chart}");
        }
    }
    let env = [("GITHUB_REF_TYPE", "tag"), ("GITHUB_REF_NAME", "v99.0.0")];
    let made = package(workspace.path(), &env);
    assert!(
        !made.ok && made.stderr.contains("the tag is v99.0.0"),
        "{}",
        made.stderr
    );
}

#[test]
fn a_packed_chart_names_the_registry_it_is_released_to() {
    let workspace = workspace();
    let made = package(
        workspace.path(),
        &[("REGISTRY", "registry.example.com/team/")],
    );
    assert!(made.ok, "{}{}", made.stdout, made.stderr);
    let chart = format!(".cache/charts/discord-monitoring-{}.tgz", version());
    let render = |more: &[&str]| {
        let rendered = run(tool("helm")
            .args(["template", "dm", "--kube-version", "1.37.0"])
            .args([
                "--set",
                "bot-service.enabled=true,discord.monitoring.bridge.enabled=true",
            ])
            .args(more)
            .arg(workspace.path().join(&chart)));
        assert!(rendered.ok, "{}", rendered.stderr);
        let images: BTreeSet<String> = rendered
            .stdout
            .lines()
            .filter_map(|line| line.trim().strip_prefix("image: "))
            .map(|image| image.trim_matches('"').to_owned())
            .collect();
        assert_eq!(
            documents(&rendered.stdout).len(),
            rendered.stdout.matches("\nkind: ").count()
        );
        images
    };
    let version = version();
    let of = |registry: &str| {
        ["bot", "injector", "watcher"]
            .map(|name| format!("{registry}/discord-monitoring/{name}:{version}"))
            .into_iter()
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(render(&[]), of("registry.example.com/team"));
    let mirrored = render(&["--set", "global.imageRegistry=mirror.example.com"]);
    assert_eq!(mirrored, of("mirror.example.com"), "a mirror still wins");
    let about = run(tool("helm")
        .args(["show", "chart"])
        .arg(workspace.path().join(&chart)));
    let named = format!("image: registry.example.com/team/discord-monitoring/injector:{version}");
    assert!(about.stdout.contains(&named), "{}", about.stdout);
    // What stands here is packed as it is.
    let kept = std::fs::read_to_string(workspace.path().join("charts/bot-service/values.yaml"));
    assert!(!kept.unwrap().contains("registry.example.com/team"));
}

#[test]
fn the_list_of_an_images_contents_is_what_the_lock_pins() {
    let lock = std::fs::read_to_string(repository().join("Cargo.lock")).unwrap();
    let pinned: BTreeSet<(&str, &str)> = lock
        .split("[[package]]")
        .filter_map(|entry| {
            let value = |key: &str| {
                let (_, rest) = entry.split_once(&format!("\n{key} = \""))?;
                Some(rest.split_once('"')?.0)
            };
            Some((value("name")?, value("version")?))
        })
        .collect();
    for binary in ["injector", "watcher", "bot"] {
        let made = run(Command::new(repository().join("hack/sbom.sh"))
            .arg(binary)
            .env("SOURCE_DATE_EPOCH", "0"));
        assert!(made.ok, "{binary}: {}", made.stderr);
        let list: Value = serde_json::from_str(&made.stdout).unwrap();
        assert_eq!(list["spdxVersion"], "SPDX-2.3");
        assert_eq!(list["creationInfo"]["created"], "1970-01-01T00:00:00Z");
        let packages = list["packages"].as_array().unwrap();
        assert!(packages.len() > 60, "{binary}: {} crates", packages.len());
        assert_eq!(packages[0]["name"], binary);
        let mut ids = BTreeSet::new();
        for package in packages {
            let (name, version) = (&package["name"], &package["versionInfo"]);
            let known = (name.as_str().unwrap(), version.as_str().unwrap());
            assert!(pinned.contains(&known), "{binary}: {known:?}");
            let id = package["SPDXID"].as_str().unwrap();
            let legal = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
            assert!(
                id.strip_prefix("SPDXRef-").unwrap().chars().all(legal),
                "{id}"
            );
            assert!(ids.insert(id), "{binary}: {id} stands twice");
            assert!(
                !package["licenseDeclared"].as_str().unwrap().contains('/'),
                "{package}"
            );
        }
        let names: BTreeSet<_> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
        assert!(
            names.contains("rustls") && names.contains("ring"),
            "{names:?}"
        );
        // What only tests it is not shipped.
        assert!(
            !names.contains("proptest") && !names.contains("tests"),
            "{names:?}"
        );
        // Each is reached from the binary, and the document describes that.
        let related = list["relationships"].as_array().unwrap();
        assert_eq!(related.len(), packages.len());
        assert_eq!(related[0]["relationshipType"], "DESCRIBES");
    }
}
