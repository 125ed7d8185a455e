// The published examples of Signature Version 4, and the documents of object storage.
#include "gtest/gtest.h"
#include "net/s3/answers.h"
#include "net/s3/signature.h"

namespace holdfast::net {
namespace {

constexpr char kEmpty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Example {
  const char* name;
  const char* method;
  const char* path;
  Params query;
  std::vector<std::pair<std::string, std::string>> headers;  // beside Host, date and hash
  const char* payload_sha256;
  const char* signature;
};

// "Examples: Signature Calculations" of the S3 API reference.
TEST(S3Signature, IsThatOfTheReferenceExamples) {
  const std::vector<Example> examples = {
      {"get object",
       "GET",
       "/test.txt",
       {},
       {{"Range", "bytes=0-9"}},
       kEmpty,
       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
      {"put object",
       "PUT",
       "/test%24file.text",
       {},
       {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
       "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
      {"lifecycle",
       "GET",
       "/",
       {{"lifecycle", ""}},
       {},
       kEmpty,
       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
      {"list",
       "GET",
       "/",
       {{"prefix", "J"}, {"max-keys", "2"}},
       {},
       kEmpty,
       "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
  };
  const SignKey key{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                    "us-east-1"};
  for (const Example& example : examples) {
    SCOPED_TRACE(example.name);
    SignInput in{example.method, example.path, example.query, {}, example.payload_sha256};
    for (const auto& [name, value] : example.headers) in.headers.add(name, value);
    in.headers.set("Host", "examplebucket.s3.amazonaws.com");
    in.headers.set("x-amz-date", "20130524T000000Z");
    in.headers.set("x-amz-content-sha256", example.payload_sha256);
    const std::string got = sign_v4(in, key, "20130524T000000Z");
    EXPECT_TRUE(got.ends_with(std::string("Signature=") + example.signature)) << got;
    EXPECT_TRUE(
        got.starts_with("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/"
                        "us-east-1/s3/aws4_request, SignedHeaders="))
        << got;
  }
}

// The first vector of the signature test suite, whose service is no S3.
TEST(S3Signature, IsThatOfTheTestSuite) {
  SignInput in{"GET", "/", {}, {}, kEmpty};
  in.headers.set("Host", "example.amazonaws.com");
  in.headers.set("X-Amz-Date", "20150830T123600Z");
  const SignKey key{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1",
                    "service"};
  EXPECT_EQ(sign_v4(in, key, "20150830T123600Z"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=host;x-amz-date, "
            "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST(S3Signature, WritesDatesAndKeysAsTheyAreSigned) {
  EXPECT_EQ(amz_date(from_ms(1369353600000)), "20130524T000000Z");
  EXPECT_EQ(encode_key_path("a b/c+d/\xc3\xa4.blk"), "a%20b/c%2Bd/%C3%A4.blk");
  EXPECT_EQ(canonical_query({{"b", "2"}, {"a", "x/y"}, {"uploads", ""}}), "a=x%2Fy&b=2&uploads=");
}

TEST(S3Answers, ListsAreReadWithAndWithoutNamespaceAndEncoding) {
  for (const char* open : {"<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
                           "<ListBucketResult>"}) {
    const auto got = parse_listing(
        std::string("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") + open +
        "<IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>"
        "<Contents><Key>p/a+b%2Bc</Key><Size>12</Size><ETag>&quot;x&quot;</ETag></Contents>"
        "<Contents><Key>p/d</Key><Size>0</Size></Contents>"
        "<NextContinuationToken>t/1=</NextContinuationToken></ListBucketResult>");
    ASSERT_TRUE(got) << got.error().message();
    ASSERT_EQ(got->objects.size(), 2u);
    EXPECT_EQ(got->objects[0].key, "p/a b+c");
    EXPECT_EQ(got->objects[0].size, 12u);
    EXPECT_EQ(got->next, "t/1=");
  }
}

TEST(S3Answers, WhatIsNoListIsRefused) {
  for (const char* text :
       {"", "<html>502</html>", "<ListBucketResult><Contents><Key>a</Key></Contents>",
        "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"}) {
    const auto got = parse_listing(text);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().code(), Code::kUnavailable);
  }
}

TEST(S3Answers, UploadsAndFailuresAreRead) {
  const auto id = parse_upload_id(
      "<InitiateMultipartUploadResult><UploadId>VX-1</UploadId></InitiateMultipartUploadResult>");
  ASSERT_TRUE(id);
  EXPECT_EQ(*id, "VX-1");
  EXPECT_FALSE(parse_upload_id("<Error/>"));
  const auto failure =
      parse_failure("<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>");
  EXPECT_EQ(failure.code, "NoSuchKey");
  EXPECT_EQ(failure.message, "gone");
  EXPECT_EQ(parse_failure("not xml").code, "");
  EXPECT_EQ(completion_xml({"\"a\"", "<b>"}),
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>b</ETag></Part></CompleteMultipartUpload>");
}

}  // namespace
}  // namespace holdfast::net
