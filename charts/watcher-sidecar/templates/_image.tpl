{{- /*
watcher-sidecar.image: an image's full name. A digest wins over a tag, global.imageRegistry over the image's own.
Keys of the dict: root, library (see watcher-sidecar.values), image (registry, repository, tag, digest).
*/ -}}
{{- define "watcher-sidecar.image" -}}
{{- $global := .root.Values.global | default dict -}}
{{- $registry := $global.imageRegistry | default .image.registry -}}
{{- $version := "" -}}
{{- if .image.digest -}}
{{- $version = printf "@%s" .image.digest -}}
{{- else -}}
{{- $library := include "watcher-sidecar.library" (dict "root" .root "library" .library) | fromYaml -}}
{{- $version = printf ":%s" (.image.tag | default $library.appVersion) -}}
{{- end -}}
{{- if $registry }}{{ $registry | trimSuffix "/" }}/{{ end }}{{ .image.repository }}{{ $version }}
{{- end -}}

{{- /*
watcher-sidecar.imagePullSecrets: the pull secrets of our image, as a YAML list of objects with a name; empty when there
are none. Those of global are for our own Pods: an agent's namespace need not have them.
Keys of the dict: root, values, library, complete (see watcher-sidecar.values).
*/ -}}
{{- define "watcher-sidecar.imagePullSecrets" -}}
{{- $v := include "watcher-sidecar.values" . | fromYaml -}}
{{- $secrets := list -}}
{{- range $v.imagePullSecrets -}}
{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) -}}
{{- end -}}
{{- with $secrets }}{{ toYaml . }}{{ end -}}
{{- end -}}
