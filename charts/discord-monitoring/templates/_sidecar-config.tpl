{{- /*
discord-monitoring.sidecarConfig: the injector's sidecar.yaml, format version 1. It is all the injector knows of the
watcher: it reloads the file when it changes, and appends what depends on a Pod.
*/ -}}
{{- define "discord-monitoring.sidecarConfig" -}}
{{- $v := include "discord-monitoring.monitoring" . | fromYaml -}}
{{- $sidecar := dict "root" . "values" $v "complete" true -}}
version: 1
# Where the agent writes, and its user, when its Pod does not say.
agent:
  configDir: {{ $v.agent.configDir | quote }}
  runAsUser: {{ int64 $v.agent.runAsUser }}
openshift: {{ $v.openshift }}
# Settings that a Pod's annotations may set.
overrides: {{ toRawJson .Values.injector.overrides }}
# Defaults of the settings for every Pod; what is unset here is left out.
settings:
  {{- include "discord-monitoring.settings" $v | nindent 2 }}
watcher:
  {{- include "watcher-sidecar.container" $sidecar | nindent 2 }}
bridge:
  {{- include "watcher-sidecar.bridge" $sidecar | nindent 2 }}
volumes:
  {{- include "watcher-sidecar.volumes" $sidecar | nindent 2 }}
{{- with include "watcher-sidecar.imagePullSecrets" $sidecar }}
imagePullSecrets:
  {{- . | nindent 2 }}
{{- end }}
podSecurity:
  {{- include "watcher-sidecar.podSecurity" $sidecar | nindent 2 }}
{{ end -}}

{{- /* discord.monitoring as the watchers get it: with the bot service beside us, its address is bot.url's default, and its own
retention stands above ours, for a watcher tells the bot the one it has, and a run's own wins. */ -}}
{{- define "discord-monitoring.monitoring" -}}
{{- $v := deepCopy .Values.discord.monitoring -}}
{{- $bot := index .Subcharts "bot-service" -}}
{{- if and $bot $bot.Values.enabled (not $v.bot.url) -}}
{{- $_ := set $v.bot "url" (include "bot-service.url" $bot) -}}
{{- end -}}
{{- if and $bot $bot.Values.enabled (not (kindIs "invalid" $bot.Values.retention.channelHours)) -}}
{{- $_ := set $v.retention "channelHours" $bot.Values.retention.channelHours -}}
{{- end -}}
{{- toYaml $v -}}
{{- end -}}

{{- /*
discord-monitoring.settings: the settings the injector decides by, as nested YAML. Image, resources, probes and env
are not repeated: the containers beside it carry them. webhook.value stays in the container alone.
*/ -}}
{{- define "discord-monitoring.settings" -}}
{{- $settings := pick . "polling" "filters" "stats" "parityMode" "logging" "retention" "transcriptPath" "workspacePath"
      "transcript" "run" "mode" "plain" "shutdown" "automountServiceAccountToken" | deepCopy -}}
{{- $_ := set $settings "webhook" (pick .webhook "existingSecret" "key") -}}
{{- $_ := set $settings "bot" (pick .bot "url" "existingSecret" "key") -}}
{{- $_ := set $settings "bridge" (pick .bridge "enabled" "port") -}}
{{- $_ := set $settings "securityContext" (pick .securityContext "runAsUser" "runAsGroup") -}}
{{- include "discord-monitoring.compact" $settings -}}
{{- end -}}

{{- /* A tree without its empty texts, nulls and empty mappings, whole numbers as such, as YAML. Empty lists stay: they
mean all. Takes the tree. */ -}}
{{- define "discord-monitoring.compact" -}}
{{- $out := dict -}}
{{- range $key, $value := . -}}
{{- if kindIs "map" $value -}}
{{- $inner := include "discord-monitoring.compact" $value | fromYaml -}}
{{- if $inner }}{{ $_ := set $out $key $inner }}{{ end -}}
{{- else if not (or (kindIs "invalid" $value) (and (kindIs "string" $value) (eq $value ""))) -}}
{{- if kindIs "float64" $value -}}
{{- $_ := set $out $key (int64 $value) -}}
{{- else -}}
{{- $_ := set $out $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $out -}}
{{- end -}}
