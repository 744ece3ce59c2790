{{- /* The Pod of the agent with its watcher. A Pod that ends by itself takes the watcher as a native sidecar, last of
the init containers, so that it does not keep the Pod alive. Takes the root. */ -}}
{{- define "own-chart.pod" -}}
{{- $sidecar := dict "root" . "values" (index .Values "watcher-sidecar") "ends" .Values.job "transcript" true -}}
{{- $settings := include "watcher-sidecar.values" $sidecar | fromYaml -}}
{{- $_ := set $sidecar "native" (include "watcher-sidecar.native" $sidecar) -}}
automountServiceAccountToken: {{ $settings.automountServiceAccountToken }}
{{- with include "watcher-sidecar.imagePullSecrets" $sidecar }}
imagePullSecrets:
  {{- . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  {{- include "watcher-sidecar.podSecurity" $sidecar | nindent 2 }}
{{- if .Values.job }}
restartPolicy: Never
{{- end }}
{{- if $sidecar.native }}
initContainers:
  {{- include "watcher-sidecar.containers" $sidecar | nindent 2 }}
{{- end }}
containers:
  - name: agent
    image: {{ .Values.agent.image | quote }}
    imagePullPolicy: IfNotPresent
    {{- with .Values.agent.args }}
    args:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    env:
      - {name: CLAUDE_CONFIG_DIR, value: /home/node/.claude}
      {{- with include "watcher-sidecar.agentEnv" $sidecar }}
      {{- . | nindent 6 }}
      {{- end }}
    resources:
      requests: {cpu: 10m, memory: 32Mi}
      limits: {memory: 128Mi}
    securityContext:
      allowPrivilegeEscalation: false
      capabilities: {drop: [ALL]}
    {{- with include "watcher-sidecar.agentMounts" $sidecar }}
    volumeMounts:
      {{- . | nindent 6 }}
    {{- end }}
  {{- if not $sidecar.native }}
  {{- include "watcher-sidecar.containers" $sidecar | nindent 2 }}
  {{- end }}
volumes:
  {{- include "watcher-sidecar.volumes" $sidecar | nindent 2 }}
  {{- include "watcher-sidecar.transcriptVolume" $sidecar | nindent 2 }}
{{- end -}}
