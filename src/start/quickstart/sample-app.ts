/**
 * The sample app: a Deployment that knows nothing of Chandler. It takes the database from the delivered Secret and
 * ConfigMap, as environment variables (envFrom) and as files (volume mount), writes a row and reads it back.
 */
import { AppsV1Api, CoreV1Api, KubeConfig, type V1Deployment } from '@kubernetes/client-node';
import { QuickstartFailed } from './osb-client.ts';

export interface SampleApp {
  namespace: string;
  name: string;
  /** Name of the Secret and of the ConfigMap. */
  bindingName: string;
  image: string;
}

/** What the app prints when it has read its row back; the quickstart looks for it in the pod's log. */
export const sampleAppMark = 'sample-app:';

// The environment gives the URI, the files give the password: both ways of consuming the binding are used.
// None of them as an argument of a process, which every user of the node can read.
const script = `
set -eu
files="$SERVICE_BINDING_ROOT/db"
by_files() { PGPASSWORD="$(cat "$files/password")" psql -qXtA -h "$(cat "$files/host")" -p "$(cat "$files/port")" -U "$(cat "$files/username")" -d "$(cat "$files/database")" -v ON_ERROR_STOP=1 "$@"; }
until by_files -c 'select 1' >/dev/null; do sleep 1; done
id=$(by_files -v pod="$HOSTNAME" <<'SQL'
\\getenv uri uri
\\connect :"uri"
create table if not exists greetings (id serial primary key, pod text, at timestamptz default now());
insert into greetings (pod) values (:'pod') returning id;
SQL
)
rows=$(by_files -c 'select count(*) from greetings')
echo "${sampleAppMark} wrote row $id and read $rows row(s) back as $username from pod $HOSTNAME (env and files agree)"
trap 'exit 0' TERM
while :; do sleep 1; done
`;

export function sampleAppDeployment({ namespace, name, bindingName, image }: SampleApp): V1Deployment {
  const labels = { 'app.kubernetes.io/name': name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          automountServiceAccountToken: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 10001,
            runAsGroup: 10001,
            fsGroup: 10001,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [
            {
              name: 'app',
              image,
              imagePullPolicy: 'IfNotPresent',
              command: ['/bin/sh', '-c', script],
              env: [{ name: 'SERVICE_BINDING_ROOT', value: '/bindings' }],
              envFrom: [{ configMapRef: { name: bindingName } }, { secretRef: { name: bindingName } }],
              volumeMounts: [{ name: 'db', mountPath: '/bindings/db', readOnly: true }],
              resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '128Mi' } },
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            },
          ],
          volumes: [{ name: 'db', secret: { secretName: bindingName, defaultMode: 0o440 } }],
        },
      },
    },
  };
}

/** What an app developer does with kubectl, done through the typed client. */
export class AppNamespace {
  readonly #core: CoreV1Api;
  readonly #apps: AppsV1Api;
  readonly name: string;

  constructor(kubeconfigPath: string, name: string) {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfigPath);
    this.#core = config.makeApiClient(CoreV1Api);
    this.#apps = config.makeApiClient(AppsV1Api);
    this.name = name;
  }

  async create(): Promise<void> {
    await this.#core.createNamespace({ body: { metadata: { name: this.name } } });
  }

  /** Deletes the namespace and waits until it is gone. */
  async remove(timeoutMs = 120_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (Date.now() < deadline) {
      const { items } = await this.#core.listNamespace({ fieldSelector: `metadata.name=${this.name}` });
      if (items.length === 0) return;
      if (items[0]?.metadata?.deletionTimestamp === undefined) {
        await this.#core.deleteNamespace({ name: this.name });
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    throw new QuickstartFailed(`the namespace ${this.name} is still being deleted`);
  }

  /** Name of the Secret that was delivered for a binding, found as a developer would find it: by its label. */
  async findBindingSecret(bindingId: string): Promise<string> {
    const { items } = await this.#core.listNamespacedSecret({
      namespace: this.name,
      labelSelector: `chandler.dev/binding-id=${bindingId}`,
    });
    const name = items[0]?.metadata?.name;
    if (name === undefined)
      throw new QuickstartFailed(`no Secret was delivered for the binding ${bindingId}`);
    return name;
  }

  async deploy(deployment: V1Deployment): Promise<void> {
    await this.#apps.createNamespacedDeployment({ namespace: this.name, body: deployment });
  }

  async deleteDeployment(name: string): Promise<void> {
    await this.#apps.deleteNamespacedDeployment({ name, namespace: this.name });
  }

  /**
   * Waits for the app's own line in the log of its pod.
   * @throws QuickstartFailed with what the pod said instead
   */
  async waitForLine(app: string, mark: string, timeoutMs = 90_000): Promise<string> {
    const deadline = Date.now() + timeoutMs;
    let last = 'the pod has not started';
    while (Date.now() < deadline) {
      const { items } = await this.#core.listNamespacedPod({
        namespace: this.name,
        labelSelector: `app.kubernetes.io/name=${app}`,
      });
      const pod = items[0];
      if (pod?.metadata?.name !== undefined && pod.status?.phase === 'Running') {
        const log = await this.#core
          .readNamespacedPodLog({ name: pod.metadata.name, namespace: this.name })
          .catch(String);
        const line = log.split('\n').find((text) => text.includes(mark));
        if (line !== undefined) return line.trim();
        last = log.trim().split('\n').at(-1) ?? '';
      } else {
        const waiting = pod?.status?.containerStatuses?.[0]?.state?.waiting;
        last = waiting?.message ?? waiting?.reason ?? pod?.status?.phase ?? last;
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    throw new QuickstartFailed(`the sample app printed no line that begins with "${mark}": ${last}`);
  }
}
