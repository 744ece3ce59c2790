{{- /*
watcher-sidecar.container: the watcher's container, as a YAML mapping without a leading dash.
Keys of the dict: root, values, library, complete (see watcher-sidecar.values) and
  native      true: restartPolicy Always, for a place among the init containers; the Pod may then end by itself
  transcript  true: mount the volume of watcher-sidecar.transcriptVolume read-only and say where it is.
              The injector leaves it out, for it follows each Pod's own mounts
*/ -}}
{{- define "watcher-sidecar.container" -}}
{{- $v := include "watcher-sidecar.values" . | fromYaml -}}
{{- $ctx := dict "root" .root "library" .library "values" $v "transcript" .transcript -}}
name: discord-watcher
image: {{ include "watcher-sidecar.image" (merge (dict "image" $v.image) $ctx) | quote }}
imagePullPolicy: {{ $v.image.pullPolicy }}
{{- if .native }}
restartPolicy: Always
{{- end }}
env:
  {{- include "watcher-sidecar.env" $ctx | nindent 2 }}
{{- if eq $v.probes.type "http" }}
ports:
  - name: discord-health
    containerPort: {{ int $v.probes.port }}
    protocol: TCP
{{- end }}
{{- with include "watcher-sidecar.probes" $v }}
{{ . }}
{{- end }}
resources:
  {{- include "watcher-sidecar.resources" $v.resources | nindent 2 }}
securityContext:
  {{- include "watcher-sidecar.securityContext" $v | nindent 2 }}
terminationMessagePath: /dev/termination-log
terminationMessagePolicy: File
volumeMounts:
  {{- include "watcher-sidecar.volumeMounts" $ctx | nindent 2 }}
{{- end -}}

{{- /*
watcher-sidecar.containers: all our containers of a Pod, as a YAML list: the bridge where bridge.enabled asks for it, and
the watcher, in the order in which the injector adds them.
Keys of the dict: those of watcher-sidecar.container.
*/ -}}
{{- define "watcher-sidecar.containers" -}}
{{- $v := include "watcher-sidecar.values" . | fromYaml -}}
{{- if $v.bridge.enabled -}}
- {{ include "watcher-sidecar.bridge" . | nindent 2 | trim }}
{{ end -}}
- {{ include "watcher-sidecar.container" . | nindent 2 | trim }}
{{- end -}}

{{- /*
watcher-sidecar.native: whether our containers stand among the init containers ("true") or among the containers (empty),
as the value `mode` says. What would keep a Pod from ending is refused.
Keys of the dict: root, values, library, complete (see watcher-sidecar.values) and
  ends  true: the Pod ends by itself (restartPolicy Never or OnFailure), as a Job's does
*/ -}}
{{- define "watcher-sidecar.native" -}}
{{- $v := include "watcher-sidecar.values" . | fromYaml -}}
{{- if and .ends (eq $v.mode "plain") (not $v.plain.endsAfter) -}}
{{- fail "mode is plain on a Pod that ends by itself: the watcher would keep it from ending; set plain.endsAfter, or mode to auto" -}}
{{- end -}}
{{- if or (eq $v.mode "native") (and (eq $v.mode "auto") .ends) }}true{{ end -}}
{{- end -}}

{{- /*
watcher-sidecar.bridge: the bridge's container, as a YAML mapping without a leading dash. It listens on 127.0.0.1
alone, so it has no port to declare. It is rendered whether or not bridge.enabled is set; the caller asks.
Keys of the dict: root, values, library, complete, native (see above).
*/ -}}
{{- define "watcher-sidecar.bridge" -}}
{{- $v := include "watcher-sidecar.values" . | fromYaml -}}
name: discord-bridge
image: {{ $v.bridge.image | default (include "watcher-sidecar.image" (dict "root" .root "library" .library "image" $v.image)) | quote }}
imagePullPolicy: {{ $v.image.pullPolicy }}
args:
  {{- toYaml $v.bridge.args | nindent 2 }}
{{- if .native }}
restartPolicy: Always
{{- end }}
env:
  - name: AGENT_STDIN
    value: /run/discord-monitoring/stdin
  - name: BRIDGE_PORT
    value: {{ int $v.bridge.port | quote }}
  - name: LOG_LEVEL
    value: {{ $v.logging.level | quote }}
resources:
  {{- include "watcher-sidecar.resources" $v.bridge.resources | nindent 2 }}
securityContext:
  {{- include "watcher-sidecar.securityContext" $v | nindent 2 }}
terminationMessagePath: /dev/termination-log
terminationMessagePolicy: File
volumeMounts:
  - name: discord-bridge
    mountPath: /run/discord-monitoring
{{- end -}}
