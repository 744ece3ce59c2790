//! What people run: the shapes of well-known charts and operators, in our own words and with none of their text.

use super::{Specimen, container};
use serde_json::{Value, json};

/// A shape's name, and what makes its spec.
type Shape = (&'static str, fn() -> Value);

/// Every shape.
pub(super) fn all() -> Vec<Specimen> {
    let shapes: [Shape; 18] = [
        ("database with an owner of its files", database),
        ("job behind a service mesh", meshed_job),
        ("training on a graphics card", training),
        ("agent of every node on its network", node_agent),
        ("build runner with a daemon beside it", build_runner),
        ("notebook on a claim of its own", notebook),
        ("log shipper that reads the node", log_shipper),
        ("workflow step with a waiter", workflow_step),
        ("service with a queue before it", queued_service),
        ("scheduler worker that follows a repository", worker),
        ("secrets by injection and by driver", secrets),
        ("guaranteed cache", guaranteed),
        ("many variables from everywhere", variables),
        ("probes of every kind", probes),
        ("agent with its home on a volume", agent_home),
        ("files mounted one by one", single_files),
        ("spread over zones", spread),
        ("user namespace and no account", isolated),
    ];
    let named = |(name, spec): Shape| Specimen {
        name: name.to_owned(),
        pod: super::pod(spec()),
    };
    shapes.into_iter().map(named).collect()
}

fn with(mut base: Value, more: Value) -> Value {
    if let (Some(base), Value::Object(more)) = (base.as_object_mut(), more) {
        base.extend(more);
    }
    base
}

fn database() -> Value {
    json!({"securityContext": {"fsGroup": 999, "runAsUser": 999, "runAsNonRoot": true},
        "terminationGracePeriodSeconds": 120, "subdomain": "db", "hostname": "db-0",
        "initContainers": [with(container("own"), json!({"command": ["sh", "-c", "mkdir -p /work/data"]}))],
        "containers": [with(container("db"), json!({"ports": [{"name": "sql", "containerPort": 5432}],
            "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
            "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "stop"]}}}}))],
        "volumes": [{"name": "work", "persistentVolumeClaim": {"claimName": "data-db-0"}}]})
}

fn meshed_job() -> Value {
    json!({"restartPolicy": "Never",
        "initContainers": [with(container("proxy"), json!({"restartPolicy": "Always", "ports": [{"containerPort": 15001}],
            "startupProbe": {"httpGet": {"path": "/ready", "port": 15001}}}))],
        "containers": [container("agent")], "volumes": [{"name": "work", "emptyDir": {}}]})
}

fn training() -> Value {
    json!({"restartPolicy": "OnFailure", "tolerations": [{"key": "example.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "nodeSelector": {"accelerator": "big"},
        "containers": [with(container("train"), json!({"resources": {"limits": {"cpu": "1", "memory": "1Gi", "example.com/gpu": "1"}},
            "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}, {"name": "work", "mountPath": "/data", "readOnly": true}]}))],
        "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "256Mi"}}, {"name": "work", "emptyDir": {}}]})
}

fn node_agent() -> Value {
    json!({"hostNetwork": true, "hostPID": true, "dnsPolicy": "ClusterFirstWithHostNet",
        "priorityClassName": "system-node-critical", "tolerations": [{"operator": "Exists"}],
        "containers": [with(container("probe"), json!({"ports": [{"containerPort": 9100, "hostPort": 9100}],
            "volumeMounts": [{"name": "root", "mountPath": "/host", "readOnly": true, "mountPropagation": "HostToContainer"}]}))],
        "volumes": [{"name": "root", "hostPath": {"path": "/"}}]})
}

fn build_runner() -> Value {
    json!({"restartPolicy": "Never", "containers": [
        with(container("build"), json!({"env": [{"name": "DOCKER_HOST", "value": "tcp://localhost:2376"}]})),
        {"name": "daemon", "image": "daemon:1", "securityContext": {"privileged": true},
            "volumeMounts": [{"name": "work", "mountPath": "/work", "mountPropagation": "Bidirectional"}]}],
        "volumes": [{"name": "work", "emptyDir": {}}]})
}

fn notebook() -> Value {
    json!({"securityContext": {"fsGroup": 100, "fsGroupChangePolicy": "OnRootMismatch"}, "enableServiceLinks": false,
        "containers": [with(container("notebook"), json!({"workingDir": "/home/user", "env": [{"name": "HOME", "value": "/home/user"}],
            "volumeMounts": [{"name": "work", "mountPath": "/home/user", "subPath": "user"}]}))],
        "volumes": [{"name": "work", "ephemeral": {"volumeClaimTemplate": {"spec":
            {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}}]})
}

fn log_shipper() -> Value {
    json!({"automountServiceAccountToken": true, "containers": [with(container("ship"), json!({
            "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
            "volumeMounts": [{"name": "logs", "mountPath": "/var/log", "readOnly": true}, {"name": "config", "mountPath": "/etc/ship"}]}))],
        "volumes": [{"name": "logs", "hostPath": {"path": "/var/log", "type": "Directory"}}, {"name": "config", "configMap": {"name": "ship"}}]})
}

fn workflow_step() -> Value {
    json!({"restartPolicy": "Never", "shareProcessNamespace": true, "serviceAccountName": "default",
        "initContainers": [container("init")], "containers": [container("wait"), container("main")],
        "volumes": [{"name": "work", "emptyDir": {}}, {"name": "args", "downwardAPI": {"items": [
            {"path": "annotations", "fieldRef": {"fieldPath": "metadata.annotations"}}]}}]})
}

fn queued_service() -> Value {
    json!({"terminationGracePeriodSeconds": 300, "containers": [
        with(container("user"), json!({"ports": [{"name": "user-port", "containerPort": 8080}],
            "lifecycle": {"preStop": {"httpGet": {"path": "/wait", "port": 8022}}}})),
        with(container("queue"), json!({"ports": [{"name": "queue", "containerPort": 8012}, {"name": "metrics", "containerPort": 9090}],
            "readinessProbe": {"httpGet": {"path": "/", "port": 8012, "httpHeaders": [{"name": "X-Probe", "value": "queue"}]}}}))],
        "volumes": [{"name": "work", "emptyDir": {}}]})
}

fn worker() -> Value {
    json!({"initContainers": [container("clone"), with(container("follow"), json!({"restartPolicy": "Always"}))],
        "containers": [with(container("worker"), json!({"envFrom": [{"secretRef": {"name": "connections", "optional": true}}],
            "volumeMounts": [{"name": "work", "mountPath": "/dags", "subPathExpr": "$(POD)", "readOnly": true}],
            "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}))],
        "imagePullSecrets": [{"name": "registry"}], "volumes": [{"name": "work", "emptyDir": {}}]})
}

fn secrets() -> Value {
    json!({"containers": [with(container("app"), json!({"volumeMounts": [
            {"name": "vault", "mountPath": "/vault/secrets"}, {"name": "identity", "mountPath": "/identity", "readOnly": true},
            {"name": "all", "mountPath": "/all", "readOnly": true}]}))],
        "volumes": [{"name": "vault", "emptyDir": {"medium": "Memory"}},
            {"name": "identity", "csi": {"driver": "csi.example", "readOnly": true, "volumeAttributes": {"a": "b"}}},
            {"name": "all", "projected": {"defaultMode": 256, "sources": [{"secret": {"name": "s"}}, {"configMap": {"name": "c"}},
                {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 7200}}]}}]})
}

fn guaranteed() -> Value {
    let amounts = json!({"cpu": "500m", "memory": "512Mi"});
    json!({"containers": [with(container("cache"), json!({"resources": {"requests": amounts, "limits": amounts}}))],
        "volumes": [{"name": "work", "emptyDir": {}}]})
}

fn variables() -> Value {
    let mut env: Vec<Value> = (0..40)
        .map(|at| json!({"name": format!("V{at}"), "value": format!("$(V{})", at - 1)}))
        .collect();
    env.push(json!({"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}));
    env.push(json!({"name": "CPUS", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}}));
    json!({"containers": [with(container("app"), json!({"env": env, "envFrom": [{"prefix": "C_", "configMapRef": {"name": "c"}}]}))],
        "volumes": [{"name": "work", "emptyDir": {}}]})
}

fn probes() -> Value {
    json!({"containers": [with(container("app"), json!({
            "startupProbe": {"exec": {"command": ["true"]}, "failureThreshold": 30},
            "livenessProbe": {"grpc": {"port": 9000, "service": "live"}, "terminationGracePeriodSeconds": 5},
            "readinessProbe": {"tcpSocket": {"port": "web"}}, "ports": [{"name": "web", "containerPort": 8081}]}))],
        "readinessGates": [{"conditionType": "example.com/balanced"}], "volumes": [{"name": "work", "emptyDir": {}}]})
}

fn agent_home() -> Value {
    json!({"restartPolicy": "Never", "securityContext": {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000},
        "containers": [with(container("agent"), json!({"env": [{"name": "CLAUDE_CONFIG_DIR", "value": "/work/claude"}],
            "stdin": true, "tty": true, "args": ["-p", "do it"]}))],
        "volumes": [{"name": "work", "persistentVolumeClaim": {"claimName": "home"}}]})
}

fn single_files() -> Value {
    json!({"containers": [with(container("app"), json!({"volumeMounts": [
            {"name": "config", "mountPath": "/etc/app/one.conf", "subPath": "one.conf"},
            {"name": "config", "mountPath": "/home/node/.claude/settings.json", "subPath": "settings.json", "readOnly": true}]}))],
        "volumes": [{"name": "config", "configMap": {"name": "c", "defaultMode": 292, "items": [
            {"key": "one.conf", "path": "one.conf"}, {"key": "settings.json", "path": "settings.json", "mode": 256}]}}]})
}

fn spread() -> Value {
    json!({"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 100, "podAffinityTerm": {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "specimen"}}}}]}},
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app": "specimen"}}, "matchLabelKeys": ["pod-template-hash"]}],
        "schedulingGates": [{"name": "example.com/quota"}], "containers": [container("app")],
        "volumes": [{"name": "work", "emptyDir": {}}]})
}

fn isolated() -> Value {
    json!({"hostUsers": false, "automountServiceAccountToken": false, "setHostnameAsFQDN": true, "os": {"name": "linux"},
        "dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.0.0.10"], "searches": ["svc"], "options": [{"name": "ndots", "value": "1"}]},
        "hostAliases": [{"ip": "10.1.1.1", "hostnames": ["registry.example"]}], "containers": [container("app")],
        "volumes": [{"name": "work", "emptyDir": {}}]})
}
