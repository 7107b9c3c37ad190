// The libvirt plugin of the lab: Terraform's libvirt provider behind Pulumi's bridge, which is also what the official
// plugin is made of. It knows the five resources that the program may use, under the official type tokens.
//
// The official plugin 0.5.4 has the provider at 0.8.1, this one at 0.8.3, because 0.8.1 cannot be had as a Go module.
// What differs: a domain's network interfaces have one more field, `private`; whether the image at an http source is
// qcow2 is told by the name's ending and not by its first bytes; a volume's given format is not checked against its
// source; connections over ssh were mended.
package main

import (
	"github.com/dmacvicar/terraform-provider-libvirt/libvirt"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// version is that of the SDK package whose place this takes; the linker sets it.
var version string

func main() {
	resource := func(token tokens.Type) *tfbridge.ResourceInfo { return &tfbridge.ResourceInfo{Tok: token} }
	info := tfbridge.ProviderInfo{
		P:       shim.NewProvider(libvirt.Provider()),
		Name:    "libvirt",
		Version: version,
		Config: map[string]*tfbridge.SchemaInfo{
			"uri": {Default: &tfbridge.DefaultInfo{EnvVars: []string{"LIBVIRT_DEFAULT_URI"}}},
		},
		Resources: map[string]*tfbridge.ResourceInfo{
			"libvirt_cloudinit_disk": resource("libvirt:index/cloudInitDisk:CloudInitDisk"),
			"libvirt_domain":         resource("libvirt:index/domain:Domain"),
			"libvirt_network":        resource("libvirt:index/network:Network"),
			"libvirt_pool":           resource("libvirt:index/pool:Pool"),
			"libvirt_volume":         resource("libvirt:index/volume:Volume"),
		},
	}
	info.SetAutonaming(255, "-")
	tfbridge.Main("libvirt", version, info, []byte("{}"))
}
