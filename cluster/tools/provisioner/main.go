// Provisioner gives every claim of its StorageClass a folder on this node that
// any user may write to, deletes the folder with its volume, and lets claims
// grow. The controller manager's own host-path provisioner makes folders that
// only root can write to, which no database with a decent security context can
// use.
package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig of the cluster")
	name := flag.String("name", "chandler.dev/host-folder", "the StorageClass's provisioner")
	root := flag.String("root", "", "folder that holds the volumes")
	node := flag.String("node", "", "name of this node")
	flag.Parse()
	if *kubeconfig == "" || *root == "" || *node == "" {
		klog.Exit("--kubeconfig, --root and --node are needed")
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, *kubeconfig, provisioner{name: *name, root: *root, node: *node}); err != nil {
		klog.Error(err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig string, p provisioner) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 400
	p.client, err = kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(p.client, 10*time.Minute)
	claims := factory.Core().V1().PersistentVolumeClaims()
	volumes := factory.Core().V1().PersistentVolumes()
	classes := factory.Storage().V1().StorageClasses()
	p.claims, p.volumes, p.classes = claims.Lister(), volumes.Lister(), classes.Lister()

	queue := workqueue.NewTypedRateLimitingQueue(
		workqueue.NewTypedItemExponentialFailureRateLimiter[string](100*time.Millisecond, 30*time.Second))
	watch(claims.Informer(), "claim", queue)
	watch(volumes.Informer(), "volume", queue)
	classes.Informer()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	klog.Infof("serving %s from %s", p.name, p.root)
	go func() {
		<-ctx.Done()
		queue.ShutDown()
	}()
	for next(ctx, queue, p) {
	}
	return nil
}

func watch(informer cache.SharedIndexInformer, kind string, queue workqueue.TypedRateLimitingInterface[string]) {
	add := func(object any) {
		if key, err := cache.MetaNamespaceKeyFunc(object); err == nil {
			queue.Add(kind + ":" + key)
		}
	}
	// Deletions need no work: a volume is held by our finalizer until its folder is gone.
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    add,
		UpdateFunc: func(_, object any) { add(object) },
	})
	if err != nil {
		klog.Exit(err)
	}
}

func next(ctx context.Context, queue workqueue.TypedRateLimitingInterface[string], p provisioner) bool {
	item, done := queue.Get()
	if done {
		return false
	}
	defer queue.Done(item)
	kind, key, _ := strings.Cut(item, ":")
	var err error
	if kind == "claim" {
		err = p.claim(ctx, key)
	} else {
		err = p.volume(ctx, key)
	}
	if err != nil {
		klog.Errorf("%s: %v", item, err)
		queue.AddRateLimited(item)
		return true
	}
	queue.Forget(item)
	return true
}
