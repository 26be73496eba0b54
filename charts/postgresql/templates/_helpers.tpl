{{/* Names and labels. The name is the release's: Chandler gives each resource a release name of its own. */}}
{{- define "postgresql.selectorLabels" -}}
app.kubernetes.io/name: postgresql
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "postgresql.labels" -}}
{{ include "postgresql.selectorLabels" . }}
app.kubernetes.io/component: primary
{{- end }}

{{/* A setting for postgresql.conf, quoted. */}}
{{- define "postgresql.setting" -}}
{{- $value := . -}}
{{- if kindIs "bool" $value }}{{ ternary "on" "off" $value }}
{{- else }}'{{ toString $value | replace "'" "''" | replace "\\" "\\\\" }}'
{{- end }}
{{- end }}
