"""What courses keep that were started with an earlier introml: made by it, and never again."""

#: The password "correct horse battery", hashed by scrypt.
BY_SCRYPT = "scrypt$32768$8$1$VwhDTSYNAI+iwa8yBwIJvA==$QGQt4vPV/saZIozgmVpe131rqzeIbSfPIBdi40UBX5o="

#: A receipt of the first kind, and the private key that signed it.
RECEIPT_KEY = bytes.fromhex("da26e964bc5b3b7a7f104c08fa88382498452abbc71521cceb98cb561bdbc9f5")
RECEIPT = """\
{
 "kind": "introml receipt 1",
 "course": "Course",
 "submission": "abababababababababababababababab",
 "person": "ann",
 "lab": "tiny",
 "number": 2,
 "file_name": "töny.ipynb",
 "sha256": "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
 "size": 123,
 "submitted_at": "2027-01-01T00:00:00+00:00",
 "signature": \
"bdMklXvzMjPhfh4SdpQWPdzV4iKRk6I5Ek+VaaLkcDB3Pxc/87Lqy0vPfSCiPMBlYfPKtt3D2zWZIZGfg2lzDw=="
}
"""
