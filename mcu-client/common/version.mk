# The version that an image says in its header, which is measured with it.
IMAGE_CFLAGS += -DISOLATE_VERSION='"$(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' $(PROJECT)/package.json)"'
