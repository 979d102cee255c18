// SPDX-License-Identifier: Apache-2.0
/*
 * Binds the functions to the class that declares them. The JVM can find a
 * function by its name only if the class is org.ashmem.Shim. A build that
 * bundles the library may move the class to another package.
 */
#include "shim.h"

#define METHOD(name, signature) \
	{ #name, signature, (void *)Java_org_ashmem_Shim_##name }

/* The version comes first: it tells a library of another version. */
static const JNINativeMethod methods[] = {
	METHOD(version, "()Ljava/lang/String;"),
	METHOD(pageSize0, "()J"),
	METHOD(openFile, "([B)I"),
	METHOD(probePath, "([B)I"),
	METHOD(probe, "(I)I"),
	METHOD(dup0, "(I)I"),
	METHOD(close, "(I)I"),
	METHOD(setName, "(I[B)I"),
	METHOD(name, "(I[B)I"),
	METHOD(setSize, "(IJ)I"),
	METHOD(size, "(I)J"),
	METHOD(setProtection, "(II)I"),
	METHOD(protection, "(I)I"),
	METHOD(pin, "(IJJ)I"),
	METHOD(unpin, "(IJJ)I"),
	METHOD(pinStatus, "(IJJ)I"),
	METHOD(pinVector, "(II[J)I"),
	METHOD(purgeAllCaches, "(I)I"),
	METHOD(fileId, "(I)J"),
	METHOD(openWake, "(I)I"),
	METHOD(wake, "(I)I"),
	METHOD(watchPurges, "(IIJ)I"),
	METHOD(waitForPurges, "(II[J)I"),
	METHOD(acknowledge, "(I)I"),
	METHOD(back, "(I)I"),
	METHOD(memfd0, "([B)I"),
	METHOD(resize, "(IJ)I"),
	METHOD(seal, "(II)I"),
	METHOD(seals0, "(I)I"),
	METHOD(fileSize, "(I)J"),
	METHOD(inode, "(I)J"),
	METHOD(isWritable, "(I)I"),
	METHOD(link, "(I[B)I"),
	METHOD(punch, "(IJJ)I"),
	METHOD(openPressure, "([B[B)I"),
	METHOD(nextData, "(IJ)J"),
	METHOD(waitForPressure, "(II)I"),
	METHOD(send, "(IIZ)I"),
	METHOD(receive, "(IZ)I"),
	METHOD(epoll, "()I"),
	METHOD(watch, "(III)I"),
	METHOD(nextReady, "(II)I"),
	METHOD(residentPages, "(IJ)J"),
	METHOD(map, "(IIZJJ)J"),
	METHOD(mapLazily0, "(J)J"),
	METHOD(advise, "(JJI)I"),
	METHOD(residentMapped, "(JJ)J"),
	METHOD(bury, "(JJ)I"),
	METHOD(unmap, "(JJ)I"),
	METHOD(buffer, "(JJ)Ljava/nio/ByteBuffer;"),
};

/*
 * Returns the class Shim of the loading NativeLibrary, or NULL with an exception
 * pending. NativeLibrary hands it over as the thread's handler of uncaught
 * exceptions. No name is involved, and no other thread can interfere.
 */
static jclass loading_shim(JNIEnv *env)
{
	jclass class = (*env)->FindClass(env, "java/lang/Thread");
	jobject thread, handler;
	jmethodID method;

	if (!class)
		return NULL;
	method = (*env)->GetStaticMethodID(env, class, "currentThread",
					   "()Ljava/lang/Thread;");
	if (!method)
		return NULL;
	thread = (*env)->CallStaticObjectMethod(env, class, method);
	if ((*env)->ExceptionCheck(env) || !thread)
		return NULL;
	method = (*env)->GetMethodID(
		env, class, "getUncaughtExceptionHandler",
		"()Ljava/lang/Thread$UncaughtExceptionHandler;");
	if (!method)
		return NULL;
	handler = (*env)->CallObjectMethod(env, thread, method);
	if ((*env)->ExceptionCheck(env) || !handler)
		return NULL;
	class = (*env)->GetObjectClass(env, handler);
	method = (*env)->GetMethodID(env, class, "shim", "()Ljava/lang/Class;");
	if (!method)
		return NULL;
	return (*env)->CallObjectMethod(env, handler, method);
}

/*
 * A failure is not reported here: the JVM's message would not name its cause.
 * NativeLibrary finds out when it asks for the version.
 */
JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved)
{
	const jint rest = sizeof(methods) / sizeof(*methods) - 1;
	JNIEnv *env;
	jclass shim;

	(void)reserved;
	if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_10) != JNI_OK)
		return JNI_ERR;
	shim = loading_shim(env);
	if (!(*env)->ExceptionCheck(env) && shim &&
	    (*env)->RegisterNatives(env, shim, methods, 1) == JNI_OK)
		(*env)->RegisterNatives(env, shim, methods + 1, rest);
	if ((*env)->ExceptionCheck(env))
		(*env)->ExceptionClear(env);
	return JNI_VERSION_10;
}
