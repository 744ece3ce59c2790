//! What the schema does not say: values the API server's validation takes.

use serde_json::{Value, json};

/// Fields of a definition of which only one may be set.
pub(super) fn union(definition: &str) -> &'static [&'static str] {
    match definition {
        "Probe" => &["exec", "grpc", "httpGet", "tcpSocket"],
        "LifecycleHandler" => &["exec", "httpGet", "sleep", "tcpSocket"],
        "EnvVar" => &["value", "valueFrom"],
        "EnvVarSource" => &[
            "configMapKeyRef",
            "fieldRef",
            "fileKeyRef",
            "resourceFieldRef",
            "secretKeyRef",
        ],
        "EnvFromSource" => &["configMapRef", "secretRef"],
        "DownwardAPIVolumeFile" => &["fieldRef", "resourceFieldRef"],
        "VolumeProjection" => &[
            "clusterTrustBundle",
            "configMap",
            "downwardAPI",
            "podCertificate",
            "secret",
            "serviceAccountToken",
        ],
        "Volume" => &[
            "awsElasticBlockStore",
            "azureDisk",
            "azureFile",
            "cephfs",
            "cinder",
            "configMap",
            "csi",
            "downwardAPI",
            "emptyDir",
            "ephemeral",
            "fc",
            "flexVolume",
            "flocker",
            "gcePersistentDisk",
            "gitRepo",
            "glusterfs",
            "hostPath",
            "image",
            "iscsi",
            "nfs",
            "persistentVolumeClaim",
            "photonPersistentDisk",
            "portworxVolume",
            "projected",
            "quobyte",
            "rbd",
            "scaleIO",
            "secret",
            "storageos",
            "vsphereVolume",
        ],
        _ => &[],
    }
}

/// An object of a definition that is legal as it is.
pub(super) fn definition(name: &str) -> Option<Value> {
    Some(match name {
        "Container" => super::container("further"),
        "Probe" => json!({"tcpSocket": {"port": 8080}}),
        "LifecycleHandler" => json!({"exec": {"command": ["true"]}}),
        "ExecAction" => json!({"command": ["true"]}),
        "HTTPGetAction" | "TCPSocketAction" | "GRPCAction" => json!({"port": 8080}),
        "EnvVarSource" => json!({"fieldRef": {"fieldPath": "metadata.name"}}),
        "ObjectFieldSelector" => json!({"fieldPath": "metadata.name"}),
        "ResourceFieldSelector" => json!({"containerName": "agent", "resource": "limits.cpu"}),
        "EnvFromSource" => json!({"configMapRef": {"name": "c"}}),
        "ConfigMapKeySelector" | "SecretKeySelector" => json!({"name": "c", "key": "k"}),
        "ConfigMapEnvSource"
        | "SecretEnvSource"
        | "ConfigMapProjection"
        | "SecretProjection"
        | "ConfigMapVolumeSource"
        | "LocalObjectReference" => json!({"name": "c"}),
        "SecretVolumeSource" => json!({"secretName": "s"}),
        "Volume" => json!({"name": "extra", "emptyDir": {}}),
        "VolumeMount" => json!({"name": "work", "mountPath": "/elsewhere"}),
        "VolumeProjection" => json!({"configMap": {"name": "c"}}),
        "ProjectedVolumeSource" => json!({"sources": [{"configMap": {"name": "c"}}]}),
        "DownwardAPIVolumeFile" => {
            json!({"path": "p", "fieldRef": {"fieldPath": "metadata.labels"}})
        }
        "ServiceAccountTokenProjection" => json!({"path": "token"}),
        "HostPathVolumeSource" => json!({"path": "/srv"}),
        "NFSVolumeSource" => json!({"server": "nfs.example", "path": "/srv"}),
        "ISCSIVolumeSource" => {
            json!({"targetPortal": "10.0.0.1:3260", "iqn": "iqn.2001-04.com.example:storage.a", "lun": 0})
        }
        "FCVolumeSource" => json!({"targetWWNs": ["50060e801049cfd1"], "lun": 0}),
        "EphemeralVolumeSource" => json!({"volumeClaimTemplate": {"spec":
            {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}),
        "ImageVolumeSource" => json!({"reference": "model:1"}),
        "CSIVolumeSource" => json!({"driver": "csi.example"}),
        "ResourceRequirements" => json!({"limits": {"cpu": "1", "memory": "1Gi"}}),
        "SeccompProfile" | "AppArmorProfile" => json!({"type": "RuntimeDefault"}),
        "Capabilities" => json!({"drop": ["ALL"]}),
        "NodeSelectorTerm" => json!({"matchExpressions": [{"key": "a", "operator": "Exists"}]}),
        "NodeSelectorRequirement" | "LabelSelectorRequirement" => {
            json!({"key": "a", "operator": "Exists"})
        }
        "PodAffinityTerm" => {
            json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"a": "b"}}})
        }
        "LabelSelector" => json!({"matchLabels": {"a": "b"}}),
        "Toleration" => json!({"key": "a", "operator": "Exists"}),
        "TopologySpreadConstraint" => {
            json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"a": "b"}}})
        }
        "HostAlias" => json!({"ip": "10.0.0.1", "hostnames": ["h"]}),
        "PodDNSConfig" => json!({"nameservers": ["10.0.0.1"]}),
        "PodDNSConfigOption" => json!({"name": "ndots", "value": "2"}),
        "PodReadinessGate" => json!({"conditionType": "example.com/gate"}),
        "PodSchedulingGate" => json!({"name": "example.com/gate"}),
        "PodOS" => json!({"name": "linux"}),
        "Sysctl" => json!({"name": "net.ipv4.ip_unprivileged_port_start", "value": "1024"}),
        "SELinuxOptions" => json!({"level": "s0:c1,c2"}),
        "ContainerResizePolicy" => json!({"resourceName": "cpu", "restartPolicy": "NotRequired"}),
        "KeyToPath" => json!({"key": "k", "path": "p"}),
        "HTTPHeader" => json!({"name": "X-Header", "value": "v"}),
        "ContainerPort" => json!({"containerPort": 9090}),
        "Quantity" => json!("1"),
        "IntOrString" => json!(8080),
        _ => return None,
    })
}

/// A legal value of one field, where its type alone does not give one.
#[allow(
    clippy::match_same_arms,
    reason = "a table by field reads better than one by value"
)]
pub(super) fn field(owner: &str, key: &str) -> Option<Value> {
    Some(match (owner, key) {
        (_, "imagePullPolicy" | "pullPolicy") => json!("Always"),
        (_, "terminationMessagePath") => json!("/dev/other"),
        (_, "terminationMessagePolicy") => json!("FallbackToLogsOnError"),
        (_, "mountPropagation") => json!("HostToContainer"),
        (_, "recursiveReadOnly") => json!("Disabled"),
        (_, "subPathExpr") => json!("$(NAME)"),
        (_, "scheme") => json!("HTTPS"),
        (_, "protocol") => json!("UDP"),
        (_, "hostIP" | "ip" | "targetIP") => json!("10.0.0.1"),
        (_, "procMount") => json!("Default"),
        (_, "apiVersion") => json!("v1"),
        (_, "operator") => json!("Exists"),
        (_, "effect") => json!("NoExecute"),
        (_, "nodeAffinityPolicy" | "nodeTaintsPolicy") => json!("Honor"),
        (_, "fsGroupChangePolicy") => json!("OnRootMismatch"),
        (_, "supplementalGroupsPolicy") => json!("Merge"),
        (_, "seLinuxChangePolicy") => json!("MountOption"),
        (_, "defaultMode" | "mode") => json!(420),
        (_, "expirationSeconds") => json!(3600),
        (_, "runAsUser" | "runAsGroup" | "fsGroup") => json!(1000),
        ("LabelSelector", "matchLabels") => json!({"a": "b"}),
        ("ResourceRequirements" | "VolumeResourceRequirements", "limits" | "requests") => {
            json!({"cpu": "1", "memory": "1Gi"})
        }
        ("SecurityContext" | "PodSecurityContext", "runAsNonRoot") => json!(true),
        ("SecurityContext", "privileged" | "allowPrivilegeEscalation") => json!(false),
        ("Capabilities", "add") => json!(["NET_BIND_SERVICE"]),
        ("EmptyDirVolumeSource", "medium") => json!("Memory"),
        ("EmptyDirVolumeSource", "sizeLimit") => json!("1Gi"),
        ("HostPathVolumeSource", "type") => json!("DirectoryOrCreate"),
        ("SeccompProfile" | "AppArmorProfile", "type") => json!("RuntimeDefault"),
        ("PersistentVolumeClaimSpec", "accessModes") => json!(["ReadWriteOnce"]),
        ("PersistentVolumeClaimSpec", "volumeMode") => json!("Filesystem"),
        ("VolumeMount" | "Container", "mountPath" | "workingDir") => json!("/elsewhere"),
        ("Container", "restartPolicy") => json!("Always"),
        ("Lifecycle", "stopSignal") => json!("SIGTERM"),
        ("PodSpec", "restartPolicy") => json!("Never"),
        ("PodSpec", "dnsPolicy") => json!("Default"),
        ("PodSpec", "hostUsers" | "hostNetwork" | "hostPID" | "hostIPC") => json!(false),
        ("PodSpec", "serviceAccountName" | "serviceAccount") => json!("default"),
        ("PodSpec", "preemptionPolicy") => json!("PreemptLowerPriority"),
        ("PodSpec", "priority") => json!(0),
        ("PodSpec", "priorityClassName") => json!("system-cluster-critical"),
        ("PodSpec", "nodeSelector") => json!({"a": "b"}),
        ("PodSpec", "initContainers") => json!([super::container("prepare")]),
        ("HTTPGetAction", "path") => json!("/health"),
        ("DownwardAPIVolumeFile" | "KeyToPath", "path") => json!("p"),
        _ => return None,
    })
}
