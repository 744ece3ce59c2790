{{- /* Choices a person should know about, as paragraphs of NOTES.txt. Takes the root. */ -}}
{{- define "discord-monitoring.warnings" -}}
{{- $monitoring := .Values.discord.monitoring -}}
{{- $injector := .Values.injector -}}
{{- $warnings := list -}}
{{- if $monitoring.webhook.value -}}
{{- $warnings = append $warnings "discord.monitoring.webhook.value stands in each watched Pod, readable by all who can read Pods. Prefer webhook.existingSecret." -}}
{{- end -}}
{{- if ne $injector.webhooks.failurePolicy "Ignore" -}}
{{- $warnings = append $warnings "injector.webhooks.failurePolicy is Fail: while no injector answers, Pods that ask for a watcher are refused." -}}
{{- end -}}
{{- if not (or $injector.webhooks.pods.enabled $injector.webhooks.namespaces.enabled) -}}
{{- $warnings = append $warnings "both webhook entries are switched off: no Pod gets a watcher." -}}
{{- end -}}
{{- if lt (int $injector.replicaCount) 2 -}}
{{- $warnings = append $warnings "one injector only: a Pod made while it restarts starts without a watcher." -}}
{{- end -}}
{{- if and (eq .Values.certs.mode "self-managed") (not $injector.rbac.create) -}}
{{- $warnings = append $warnings "injector.rbac.create is false: the injector needs get, patch and update of its Secret and get and patch of its webhook configuration." -}}
{{- end -}}
{{- if and (eq .Values.certs.mode "self-managed") (not $injector.serviceAccount.create) (not $injector.serviceAccount.name) -}}
{{- $warnings = append $warnings "the injector runs as the service account default, which then holds its rights." -}}
{{- end -}}
{{- if and (eq .Values.certs.mode "existing") (not .Values.certs.existing.caBundle) -}}
{{- $warnings = append $warnings "certs.existing.caBundle is empty: write caBundle to both webhooks yourself, or no Pod gets a watcher." -}}
{{- end -}}
{{- $volume := $monitoring.transcript.volume -}}
{{- if ne $monitoring.transcript.mount "none" -}}
{{- if and $volume.hostPath (not $volume.existingClaim) -}}
{{- $warnings = append $warnings "transcript.volume.hostPath: namespaces that enforce the baseline or restricted standard refuse such Pods; and a directory that a node lacks is made for root alone, so make it beforehand, such that agents can write there." -}}
{{- end -}}
{{- if and (or $volume.existingClaim $volume.hostPath) (not $volume.perPod) -}}
{{- $warnings = append $warnings "transcript.volume.perPod is false: Pods that share the claim or directory at one time see each other's transcripts, and each watcher posts what is new there, another Pod's too." -}}
{{- end -}}
{{- end -}}
{{- if $injector.hostNetwork -}}
{{- $warnings = append $warnings (printf "injector.hostNetwork: ports %d and %d of the nodes are the injector's (injector.ports), one of its Pods a node; an update takes one away before the next comes; and no NetworkPolicy is heeded there." (int $injector.ports.https) (int $injector.ports.admin)) -}}
{{- end -}}
{{- if and (eq (toString $injector.test.enabled) "auto") (not (include "discord-monitoring.tested" .)) -}}
{{- $warnings = append $warnings (printf "`helm test` makes no Pod: the webhooks may not see the namespace %s. Give it the labels they ask for (injector.namespaceSelector; the opt-in label where the Pods' entry is off) and set injector.test.enabled to true." .Release.Namespace) -}}
{{- end -}}
{{- if and .Values.prometheusRule.enabled (not $injector.serviceMonitor.enabled) -}}
{{- $warnings = append $warnings "prometheusRule.enabled without injector.serviceMonitor.enabled: the alert that no injector answers is left out, and the others see only what you scrape under the same job." -}}
{{- end -}}
{{- if and $monitoring.bridge.enabled (not $monitoring.bot.url) (not (index .Values "bot-service").enabled) -}}
{{- $warnings = append $warnings "bridge.enabled without bot.url: nothing hands input to the bridge." -}}
{{- end -}}
{{- range $warnings }}

WARNING: {{ . }}
{{- end -}}
{{- end -}}
