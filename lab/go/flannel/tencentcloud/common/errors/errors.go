// Package errors stands in for Tencent's, so that flannel compiles without it.
package errors

type TencentCloudSDKError struct{ Message string }

func (e *TencentCloudSDKError) Error() string { return e.Message }
