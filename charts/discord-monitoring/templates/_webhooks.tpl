{{- /* What both webhook entries share. Keys of the dict: root; path, by which the injector knows which of them asks. */ -}}
{{- define "discord-monitoring.webhookCommon" -}}
{{- $webhooks := .root.Values.injector.webhooks -}}
admissionReviewVersions: [v1]
sideEffects: None
failurePolicy: {{ $webhooks.failurePolicy }}
timeoutSeconds: {{ int $webhooks.timeoutSeconds }}
reinvocationPolicy: {{ $webhooks.reinvocationPolicy }}
matchPolicy: Equivalent
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE]
    resources: [pods]
    scope: Namespaced
clientConfig:
  {{- with (include "discord-monitoring.givenCaBundle" .root) }}
  caBundle: {{ . }}
  {{- end }}
  service:
    name: {{ include "discord-monitoring.injectorName" .root }}
    namespace: {{ .root.Release.Namespace }}
    path: {{ .path }}
    port: {{ int .root.Values.injector.service.port }}
# Our own Pods never wait for ourselves.
objectSelector:
  matchExpressions:
    - {key: app.kubernetes.io/part-of, operator: NotIn, values: [discord-monitoring]}
{{- end -}}

{{- /* The caBundle a person hands over in mode existing, where nobody else writes one; empty in every other mode. */ -}}
{{- define "discord-monitoring.givenCaBundle" -}}
{{- if eq .Values.certs.mode "existing" -}}
{{- .Values.certs.existing.caBundle -}}
{{- end -}}
{{- end -}}

{{- /* Which namespaces an entry sees. Keys of the dict: root; labelled: In or NotIn, for the opt-in label. */ -}}
{{- define "discord-monitoring.namespaceSelector" -}}
{{- $seen := include "discord-monitoring.seenNamespaces" .root | fromYaml -}}
{{- with $seen.matchLabels -}}
matchLabels:
  {{- toYaml . | nindent 2 }}
{{ end -}}
matchExpressions:
  - {key: discord-monitoring.io/inject, operator: {{ .labelled }}, values: [enabled]}
  {{- toYaml $seen.matchExpressions | nindent 2 }}
{{- end -}}

{{- /* Which namespaces anything of ours looks at, as a label selector. Takes the root. */ -}}
{{- define "discord-monitoring.seenNamespaces" -}}
{{- $selector := .Values.injector.namespaceSelector -}}
{{- with $selector.matchLabels -}}
matchLabels:
  {{- toYaml . | nindent 2 }}
{{ end -}}
matchExpressions:
  - {key: kubernetes.io/metadata.name, operator: NotIn, values: {{ toRawJson .Values.injector.excludedNamespaces }}}
  {{- with $selector.matchExpressions }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- /* Whether `helm test` has a Pod to make: "true", or empty. It stands in the release's namespace; with auto it is left out
where no webhook surely sees a Pod that asks there, for the chart knows no namespace's labels. */ -}}
{{- define "discord-monitoring.tested" -}}
{{- $injector := .Values.injector -}}
{{- $selector := $injector.namespaceSelector -}}
{{- if eq (toString $injector.test.enabled) "true" -}}true
{{- else if eq (toString $injector.test.enabled) "auto" -}}
{{- $seen := not (or $selector.matchLabels $selector.matchExpressions (has .Release.Namespace $injector.excludedNamespaces)) -}}
{{- if and $seen $injector.webhooks.pods.enabled }}true{{ end -}}
{{- end -}}
{{- end -}}

{{- /* Mirror Pods stand outside the API server's power, and on Windows our image does not run. */ -}}
{{- define "discord-monitoring.commonConditions" -}}
- name: not-a-mirror-pod
  expression: >-
    !object.metadata.?annotations['kubernetes.io/config.mirror'].hasValue()
- name: not-windows
  expression: >-
    object.spec.?os.?name.orValue('linux') != 'windows'
    && object.spec.?nodeSelector['kubernetes.io/os'].orValue('linux') != 'windows'
{{- end -}}

{{- /* Conditions of one entry. Takes the entry's values (enabled, matchConditions). */ -}}
{{- define "discord-monitoring.matchConditions" -}}
{{ include "discord-monitoring.commonConditions" . }}
{{- if not .enabled }}
- name: switched-off
  expression: "false"
{{- end }}
{{- with .matchConditions }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Annotations of the webhook configuration: cert-manager's, and a person's own. */ -}}
{{- define "discord-monitoring.webhookAnnotations" -}}
{{- $annotations := deepCopy .Values.injector.webhooks.annotations -}}
{{- if eq .Values.certs.mode "cert-manager" -}}
{{- $_ := set $annotations "cert-manager.io/inject-ca-from" (printf "%s/%s" .Release.Namespace (include "discord-monitoring.injectorName" .)) -}}
{{- end -}}
{{- with $annotations }}{{ toYaml . }}{{ end -}}
{{- end -}}
