{{/* Prefix of all names: the release's name, with the chart's name unless that is in it. */}}
{{- define "andon.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "andon.operator" -}}
{{ include "andon.fullname" . }}-operator
{{- end -}}

{{/* Objects outside any namespace carry the release's namespace where several releases may stand side by side. */}}
{{- define "andon.clusterScopedOperator" -}}
{{ include "andon.operator" . }}{{ if .Values.watchNamespaces }}-{{ .Release.Namespace }}{{ end }}
{{- end -}}

{{- define "andon.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "andon.operator" .) .Values.serviceAccount.name }}
{{- else -}}
{{ required "serviceAccount.name: empty, but serviceAccount.create is false; name the service account that the operator is to use" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{- define "andon.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "andon.labels" -}}
{{ include "andon.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: andon
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Reference of an image. Call with (list ROOT NAME), NAME being a key of .Values.images. */}}
{{- define "andon.image" -}}
{{- $root := index . 0 -}}
{{- $image := index $root.Values.images (index . 1) -}}
{{- $registry := default $image.registry $root.Values.imageRegistry | trimSuffix "/" -}}
{{- if $registry }}{{ $registry }}/{{ end -}}
{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default $root.Chart.AppVersion $image.tag }}{{ end -}}
{{- end -}}

{{/* JSON list of the names of the image pull Secrets. */}}
{{- define "andon.imagePullSecretNames" -}}
{{- $names := list -}}
{{- range .Values.imagePullSecrets }}{{ $names = append $names .name }}{{ end -}}
{{ toJson $names }}
{{- end -}}

{{/* What the operator may do where FaultModels live. Why each verb is there: docs/rbac.md. */}}
{{- define "andon.rules" -}}
- apiGroups: [andon.dev]
  resources: [faultmodels]
  verbs: [get, list, watch]
- apiGroups: [andon.dev]
  resources: [faultmodels/status]
  verbs: [update]
- apiGroups: [andon.dev]
  resources: [faultmodels/finalizers]
  verbs: [update]
- apiGroups: [andon.dev]
  resources: [faultmodelversions]
  verbs: [list, watch, create]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [list, watch, create, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, create]
# The account of a namespace's monitor.
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get, create, patch, delete]
# Who reaches the page of a namespace's monitor.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, create, patch, delete]
# Is it frozen (annotation andon.dev/freeze)? A Role gives this for its own namespace alone.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- if .Values.gatewayAPI.enabled }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes, grpcroutes]
  verbs: [get, list, create, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways]
  verbs: [get]
{{- end }}
# Of kinds that a cluster may lack; a rule about one that is not there does no harm.
- apiGroups: [monitoring.coreos.com]
  resources: [prometheusrules, podmonitors]
  verbs: [get, list, create, patch, delete]
- apiGroups: [grafana.integreatly.org]
  resources: [grafanadashboards]
  verbs: [get, list, create, patch, delete]
{{- end -}}

{{/* Values that each are well formed but do not go together are refused, not ignored. */}}
{{- define "andon.check" -}}
{{- if and .Values.monitor.keep.hashColumns (not .Values.monitor.keep.hashKey.secret) -}}
{{- fail "monitor.keep: hashColumns is set, but hashKey.secret is empty; set it to the name of a Secret with at least 16 bytes: few possible values could all be tried otherwise" -}}
{{- end -}}
{{- if and (not .Values.store.s3.uri) (or .Values.store.s3.endpoint .Values.store.s3.credentialsSecret .Values.store.s3.caBundle.configMap) -}}
{{- fail "store.s3: endpoint, credentialsSecret or caBundle is set, but uri is empty; set store.s3.uri to s3://BUCKET/PREFIX, or leave all of store.s3 empty to keep artifacts in PersistentVolumeClaims" -}}
{{- end -}}
{{- end -}}
