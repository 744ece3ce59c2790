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
{{- if $monitoring.transcript.volume.hostPath -}}
{{- $warnings = append $warnings "transcript.volume.hostPath: namespaces that enforce the baseline or restricted standard refuse such Pods." -}}
{{- end -}}
{{- if and $monitoring.bridge.enabled (not $monitoring.bot.url) (not (index .Values "bot-service").enabled) -}}
{{- $warnings = append $warnings "bridge.enabled without bot.url: nothing hands input to the bridge." -}}
{{- end -}}
{{- range $warnings }}

WARNING: {{ . }}
{{- end -}}
{{- end -}}
