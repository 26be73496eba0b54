package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	// The controller manager writes it on every claim that waits for an external provisioner.
	provisionerAnnotation = "volume.kubernetes.io/storage-provisioner"
	provisionedBy         = "pv.kubernetes.io/provisioned-by"
)

type provisioner struct {
	client           kubernetes.Interface
	claims           corelisters.PersistentVolumeClaimLister
	volumes          corelisters.PersistentVolumeLister
	classes          storagelisters.StorageClassLister
	name, root, node string
}

// finalizer keeps a deleted volume until its folder is gone.
func (p provisioner) finalizer() string { return p.name }

func (p provisioner) claim(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return nil
	}
	claim, err := p.claims.PersistentVolumeClaims(namespace).Get(name)
	if errors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if claim.Annotations[provisionerAnnotation] != p.name || claim.DeletionTimestamp != nil {
		return nil
	}
	if claim.Spec.VolumeName == "" {
		return p.provision(ctx, claim)
	}
	return p.grow(ctx, claim)
}

func (p provisioner) provision(ctx context.Context, claim *core.PersistentVolumeClaim) error {
	if claim.Spec.StorageClassName == nil {
		return nil
	}
	class, err := p.classes.Get(*claim.Spec.StorageClassName)
	if err != nil {
		return err
	}
	name := "pvc-" + string(claim.UID)
	folder := filepath.Join(p.root, name)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	// MkdirAll obeys the umask; only root reaches the folder from outside a pod.
	if err := os.Chmod(folder, 0o777); err != nil {
		return err
	}
	reclaim := core.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		reclaim = *class.ReclaimPolicy
	}
	hostPathType := core.HostPathDirectory
	volume := &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{
			Name:        name,
			Annotations: map[string]string{provisionedBy: p.name},
			Finalizers:  []string{p.finalizer()},
		},
		Spec: core.PersistentVolumeSpec{
			Capacity:                      core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			AccessModes:                   claim.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: reclaim,
			StorageClassName:              class.Name,
			VolumeMode:                    claim.Spec.VolumeMode,
			PersistentVolumeSource: core.PersistentVolumeSource{
				HostPath: &core.HostPathVolumeSource{Path: folder, Type: &hostPathType},
			},
			ClaimRef: &core.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{
				NodeSelectorTerms: []core.NodeSelectorTerm{{MatchExpressions: []core.NodeSelectorRequirement{{
					Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{p.node},
				}}}},
			}},
		},
	}
	_, err = p.client.CoreV1().PersistentVolumes().Create(ctx, volume, meta.CreateOptions{})
	if errors.IsAlreadyExists(err) {
		return nil
	}
	if err == nil {
		klog.Infof("made %s for %s/%s", name, claim.Namespace, claim.Name)
	}
	return err
}

// grow only writes the new size down: a folder has no size of its own.
func (p provisioner) grow(ctx context.Context, claim *core.PersistentVolumeClaim) error {
	if claim.Status.Phase != core.ClaimBound {
		return nil
	}
	wanted := claim.Spec.Resources.Requests[core.ResourceStorage]
	if have := claim.Status.Capacity[core.ResourceStorage]; wanted.Cmp(have) <= 0 {
		return nil
	}
	volume, err := p.volumes.Get(claim.Spec.VolumeName)
	if err != nil {
		return err
	}
	if volume.Annotations[provisionedBy] != p.name {
		return nil
	}
	patch := fmt.Appendf(nil, `{"spec":{"capacity":{"storage":%q}}}`, wanted.String())
	if _, err := p.client.CoreV1().PersistentVolumes().Patch(ctx, volume.Name, types.MergePatchType, patch, meta.PatchOptions{}); err != nil {
		return err
	}
	patch = fmt.Appendf(nil, `{"status":{"capacity":{"storage":%q},"conditions":null}}`, wanted.String())
	_, err = p.client.CoreV1().PersistentVolumeClaims(claim.Namespace).Patch(ctx, claim.Name, types.MergePatchType, patch, meta.PatchOptions{}, "status")
	return err
}

func (p provisioner) volume(ctx context.Context, name string) error {
	volume, err := p.volumes.Get(name)
	if errors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if volume.Annotations[provisionedBy] != p.name || volume.Spec.HostPath == nil {
		return nil
	}
	remove := volume.Spec.PersistentVolumeReclaimPolicy == core.PersistentVolumeReclaimDelete
	unused := volume.Status.Phase == core.VolumeReleased || volume.Status.Phase == core.VolumeFailed
	if volume.DeletionTimestamp == nil && !(remove && unused) {
		return nil
	}
	if remove {
		if !unused && !p.claimIsGone(volume) {
			return nil
		}
		folder := volume.Spec.HostPath.Path
		if filepath.Dir(folder) != filepath.Clean(p.root) || !strings.HasPrefix(filepath.Base(folder), "pvc-") {
			klog.Errorf("%s: %s is not a folder of ours, left alone", name, folder)
			return nil
		}
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
	}
	if volume.DeletionTimestamp == nil {
		err := p.client.CoreV1().PersistentVolumes().Delete(ctx, name, meta.DeleteOptions{
			Preconditions: &meta.Preconditions{UID: &volume.UID},
		})
		if err != nil && !errors.IsNotFound(err) {
			return err
		}
		klog.Infof("deleted %s", name)
		// The update that carries the deletion time brings us back for the finalizer.
		return nil
	}
	at := slices.Index(volume.Finalizers, p.finalizer())
	if at < 0 {
		return nil
	}
	patch := fmt.Appendf(nil, `[{"op":"test","path":"/metadata/finalizers/%d","value":%q},{"op":"remove","path":"/metadata/finalizers/%d"}]`, at, p.finalizer(), at)
	_, err = p.client.CoreV1().PersistentVolumes().Patch(ctx, name, types.JSONPatchType, patch, meta.PatchOptions{})
	if errors.IsNotFound(err) {
		return nil
	}
	return err
}

func (p provisioner) claimIsGone(volume *core.PersistentVolume) bool {
	ref := volume.Spec.ClaimRef
	if ref == nil {
		return true
	}
	claim, err := p.claims.PersistentVolumeClaims(ref.Namespace).Get(ref.Name)
	return errors.IsNotFound(err) || (err == nil && claim.UID != ref.UID)
}
